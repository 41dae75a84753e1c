import type { Host } from '../host.ts';

/** What an agent's transport offers beyond moving frames. */
export interface Shape {
  readonly regions: boolean;
  readonly topic: boolean;
  readonly confirmed: { readonly copied: number; readonly stored: number; readonly synced: number };
}

/** Looks once `frames` frames to `to` are confirmed as copied, or after a second. */
export async function shape(host: Host, agent: string, to: string, frames: number): Promise<Shape> {
  const { transport } = host.get(agent);
  const { sender } = host.get(agent).outlet(to);
  const end = performance.now() + 1_000;
  while (sender.confirmed('copied') < frames && performance.now() < end) {
    await new Promise<void>((resolve) => {
      sender.onConfirmed(resolve);
      setTimeout(resolve, 50);
    });
  }
  return {
    regions: transport.regions !== undefined,
    topic: 'appender' in transport || 'tail' in transport,
    confirmed: {
      copied: sender.confirmed('copied'),
      stored: sender.confirmed('stored'),
      synced: sender.confirmed('synced'),
    },
  };
}
