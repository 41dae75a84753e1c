import {
  type Availability,
  BusError,
  CONTRACT_VERSION,
  type TransportContext,
  type TransportPlugin,
} from '@busbar/core/contract';
import { sharedMemoryAvailable } from '@busbar/native';
import { CAPABILITIES, LENDING_BYTES } from './capabilities.ts';
import { ShmTransport } from './transport.ts';

export interface ShmOptions {
  /** The transport's name, and the scheme of its addresses; for two instances in one bus. Default `shm`. */
  readonly name?: string | undefined;
  /**
   * Bytes that this participant lends to its peers at most (`publisher.loan`), all sizes together; taken as they are
   * needed. Default 128 MiB.
   */
  readonly lendingBytes?: number | undefined;
}

/** The transport over shared memory: one ring per sender, polled while in use, woken by a doorbell else. */
export function shm(options: ShmOptions = {}): TransportPlugin {
  const name = options.name ?? 'shm';
  const lendingBytes = options.lendingBytes ?? LENDING_BYTES;
  if (!Number.isSafeInteger(lendingBytes) || lendingBytes < 0) {
    throw new BusError('INVALID_OPTION', `lendingBytes ${String(lendingBytes)} is no number of bytes`, {
      where: 'shm()',
      remedy: 'give 0 or more, or leave it out',
    });
  }
  return {
    name,
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    probe,
    create: (context: TransportContext) => create(name, context, lendingBytes),
  };
}

async function probe(): Promise<Availability> {
  const answer = await sharedMemoryAvailable();
  return answer.available ? { available: true, capabilities: CAPABILITIES } : answer;
}

async function create(name: string, context: TransportContext, lendingBytes: number): Promise<ShmTransport> {
  const answer = await sharedMemoryAvailable();
  if (answer.available) return new ShmTransport(name, context, lendingBytes);
  throw new BusError('TRANSPORT_UNAVAILABLE', answer.reason, { where: name, remedy: answer.fix });
}
