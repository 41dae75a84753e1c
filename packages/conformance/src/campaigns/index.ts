import { absent } from './absent.ts';
import { backPressure } from './back-pressure.ts';
import type { Campaign } from './campaign.ts';
import { closing, exiting, reconnecting } from './closing.ts';
import { exhaustion } from './exhaustion.ts';
import { garbage } from './garbage.ts';
import { idle } from './idle.ts';
import { killReceiver, killSender } from './kills.ts';
import { order } from './order.ts';
import { payloads } from './payloads.ts';
import { placement } from './placement.ts';
import { privacy } from './privacy.ts';
import { probing } from './probing.ts';
import { stops } from './stops.ts';

export { resolveTarget, type Target, type TargetOptions } from '../harness/target.ts';
export { between, random } from '../random.ts';
export type { Campaign, CampaignOptions, Row } from './campaign.ts';
export { decoderCampaign } from './decoder.ts';
export { type CampaignResult, COUNTS, isClean, Tally } from './result.ts';

/** Every campaign, in the order of the table. */
export const CAMPAIGNS: readonly Campaign[] = [
  payloads,
  order,
  backPressure,
  killSender,
  killReceiver,
  probing,
  closing,
  reconnecting,
  exiting,
  garbage,
  privacy,
  idle,
  stops,
  exhaustion,
  placement,
  absent,
];
