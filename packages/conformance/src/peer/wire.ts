import type { PeerInfo } from '@busbar/core/contract';

/** Messages between the harness and a peer, over fork's channel or a worker's port; both clone structurally. */
export type ToPeer =
  | {
      readonly op: 'call';
      readonly id: number;
      readonly agent: string;
      readonly method: string;
      readonly args: unknown[];
    }
  | { readonly op: 'control'; readonly from: string; readonly to: string; readonly message: Uint8Array }
  | { readonly op: 'link'; readonly agent: string; readonly peer: PeerInfo }
  | { readonly op: 'lose'; readonly agent: string; readonly peer: string; readonly dead: boolean };

export type FromPeer =
  | { readonly op: 'ready' }
  | { readonly op: 'value'; readonly id: number; readonly value: unknown }
  | { readonly op: 'error'; readonly id: number; readonly error: WireError }
  | { readonly op: 'control'; readonly from: string; readonly to: string; readonly message: Uint8Array };

export interface WireError {
  readonly name: string;
  /** Of a BusError or an errno error. */
  readonly code: string | undefined;
  readonly message: string;
}

/** Addresses a call to the peer itself instead of one of its agents. */
export const HOST = '';
/** Addresses a call to one of the peer's exercises. */
export const EXERCISE = '*';

export function toWireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'Thrown', code: undefined, message: String(error) };
  return { name: error.name, code: (error as { code?: string }).code, message: error.message };
}
