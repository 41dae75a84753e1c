import {
  type Availability,
  BusError,
  CONTRACT_VERSION,
  type TransportContext,
  type TransportPlugin,
} from '@busbar/core/contract';
import { sharedMemoryAvailable } from '@busbar/native';
import { CAPABILITIES } from './capabilities.ts';
import { ShmTransport } from './transport.ts';

export interface ShmOptions {
  /** The transport's name, and the scheme of its addresses; for two instances in one bus. Default `shm`. */
  readonly name?: string | undefined;
}

/** The transport over shared memory: one ring per sender, polled while in use, woken by a doorbell else. */
export function shm(options: ShmOptions = {}): TransportPlugin {
  const name = options.name ?? 'shm';
  return {
    name,
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    probe,
    create: (context: TransportContext) => create(name, context),
  };
}

async function probe(): Promise<Availability> {
  const answer = await sharedMemoryAvailable();
  return answer.available ? { available: true, capabilities: CAPABILITIES } : answer;
}

async function create(name: string, context: TransportContext): Promise<ShmTransport> {
  const answer = await sharedMemoryAvailable();
  if (answer.available) return new ShmTransport(name, context);
  throw new BusError('TRANSPORT_UNAVAILABLE', answer.reason, { where: name, remedy: answer.fix });
}
