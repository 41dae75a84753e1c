import type { TransportPlugin } from '@busbar/core/contract';

/** A plugin, so that another process can make it: module, export, and what its factory is called with. */
export interface PluginReference {
  /** `file:` URL the published name resolved to. */
  readonly url: string;
  /** A factory, or a plugin itself. */
  readonly export: string;
  readonly options?: unknown;
}

export async function loadPlugin(reference: PluginReference): Promise<TransportPlugin> {
  const module = (await import(reference.url)) as Record<string, unknown>;
  const made = module[reference.export];
  if (made === undefined) throw new Error(`${reference.url} has no export '${reference.export}'`);
  return (typeof made === 'function' ? made(reference.options) : made) as TransportPlugin;
}
