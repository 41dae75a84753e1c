import { BusError, CONTRACT_VERSION, contractCompatible, isPattern, isTopic } from '../contract/index.ts';
import { isGroupPattern } from '../interest/group-label.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { sameSecret } from './secret.ts';

/** The first message each way on a control connection. JSON. */
export interface Hello {
  readonly contract: string;
  readonly bus: string;
  readonly secret: string;
  readonly id: string;
  readonly name: string;
  readonly process: ProcessIdentity;
  /** Names this life of the link; the dialling side makes it up. */
  readonly session: string;
  /** The session that broke and should go on; in an answer: whether it does. */
  readonly resume?: string | boolean;
  /** Snapshot of what the participant wants and serves. */
  readonly patterns: readonly string[];
  /** Patterns that groups share: `pattern|group`. */
  readonly groups: readonly string[];
  readonly services: readonly string[];
  readonly transports: readonly { readonly name: string; readonly contract: string; readonly address: string }[];
}

const ID = /^[0-9a-f]{16}$/;
const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** True for what may be a participant's or a bus's name. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}

/**
 * Checks a peer's HELLO in the order of what matters: version, secret, then form.
 * @throws BusError VERSION_MISMATCH | AUTH_FAILED | PROTOCOL_ERROR | QUOTA_EXCEEDED
 */
export function checkHello(payload: Uint8Array, bus: string, secret: string, maxInterest: number): Hello {
  const hello = parse(payload);
  const theirs = hello.contract;
  if (typeof theirs !== 'string' || (!contractCompatible(theirs) && !contractCompatible(CONTRACT_VERSION, theirs))) {
    throw new BusError(
      'VERSION_MISMATCH',
      `the peer speaks contract ${String(theirs)}, this side ${CONTRACT_VERSION}`,
      {
        where: `participant ${String(hello.name)}`,
        remedy: 'run compatible releases of @busbar/core on both sides',
      },
    );
  }
  if (!sameSecret(secret, hello.secret)) {
    throw new BusError('AUTH_FAILED', 'the peer does not know the secret of this bus', {
      where: `participant ${String(hello.name)}`,
    });
  }
  const wrong = malformed(hello, bus);
  if (wrong !== undefined)
    throw new BusError('PROTOCOL_ERROR', `HELLO: ${wrong}`, { where: `participant ${String(hello.name)}` });
  const complete = hello as Hello;
  if (complete.patterns.length + complete.groups.length + complete.services.length > maxInterest) {
    throw new BusError('QUOTA_EXCEEDED', `more than ${maxInterest} subscriptions`, {
      where: `participant ${complete.name}`,
    });
  }
  return complete;
}

function parse(payload: Uint8Array): Partial<Hello> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Partial<Hello>;
  } catch {
    // Falls through: not JSON is as wrong as not an object.
  }
  throw new BusError('PROTOCOL_ERROR', 'HELLO is not a JSON object', {
    where: 'control socket',
    remedy: 'only participants of this bus may connect here',
  });
}

function malformed(hello: Partial<Hello>, bus: string): string | undefined {
  if (hello.bus !== bus) return `it is for bus ${String(hello.bus)}`;
  if (typeof hello.id !== 'string' || !ID.test(hello.id)) return 'id';
  if (!isName(hello.name)) return 'name';
  if (typeof hello.session !== 'string' || !ID.test(hello.session)) return 'session';
  const { process: identity } = hello;
  if (typeof identity !== 'object' || identity === null || !Number.isInteger(identity.pid)) return 'process';
  if (!Array.isArray(hello.patterns) || !hello.patterns.every(isPattern)) return 'patterns';
  if (!Array.isArray(hello.groups) || !hello.groups.every(isGroupPattern)) return 'groups';
  if (!Array.isArray(hello.services) || !hello.services.every(isTopic)) return 'services';
  if (!Array.isArray(hello.transports) || !hello.transports.every(isOffer)) return 'transports';
  return undefined;
}

/** True for what says of a transport where it is reached. */
export function isOffer(offer: unknown): boolean {
  const { name, contract, address } = (offer ?? {}) as Record<string, unknown>;
  return (
    typeof name === 'string' && typeof contract === 'string' && typeof address === 'string' && address.length <= 255
  );
}
