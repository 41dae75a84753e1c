export { type UdsOptions, uds } from './plugin.ts';
