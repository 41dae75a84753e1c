/**
 * What two instances say to each other over the control plane: the one-time token of a new channel, and the answer.
 * The token is 128 random bits and travels nowhere else, so who names it is the peer it was given to.
 */
export type Handshake = { readonly kind: 'offer' | 'accept' | 'refuse'; readonly token: string };

const FORM = /^(offer|accept|refuse):([0-9a-f]{32})$/;

export function encodeHandshake(kind: Handshake['kind'], token: string): Uint8Array {
  return new TextEncoder().encode(`${kind}:${token}`);
}

/** Undefined for bytes that are not one of ours. */
export function decodeHandshake(message: Uint8Array): Handshake | undefined {
  if (message.length > 64) return undefined;
  const match = FORM.exec(new TextDecoder().decode(message));
  return match === null ? undefined : { kind: match[1] as Handshake['kind'], token: match[2] };
}
