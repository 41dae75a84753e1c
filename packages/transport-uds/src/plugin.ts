import {
  type Availability,
  BusError,
  CONTRACT_VERSION,
  type TransportContext,
  type TransportPlugin,
} from '@busbar/core/contract';
import { CAPABILITIES } from './capabilities.ts';
import { UdsTransport } from './transport.ts';

export interface UdsOptions {
  /** The transport's name, and the scheme of its addresses; for two instances in one bus. Default `uds`. */
  readonly name?: string | undefined;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
/**
 * The transport over Unix domain sockets: one connection per direction, `node:net` only.
 * @throws BusError INVALID_OPTION
 */
export function uds(options: UdsOptions = {}): TransportPlugin {
  const name = options.name ?? 'uds';
  if (!NAME.test(name)) {
    throw new BusError('INVALID_OPTION', `${JSON.stringify(name)} is not a transport name`, {
      where: 'uds({ name })',
      remedy: 'use a lower-case letter, then at most 31 letters, digits and hyphens',
    });
  }
  return {
    name,
    contractVersion: CONTRACT_VERSION,
    capabilities: CAPABILITIES,
    probe: async () => probe(),
    create: (context: TransportContext) => create(name, context),
  };
}

function probe(): Availability {
  if (process.platform !== 'win32') return { available: true, capabilities: CAPABILITIES };
  return {
    available: false,
    code: 'UNSUPPORTED_PLATFORM',
    reason: 'Windows has no Unix domain sockets that Node can use',
    fix: 'run on Linux or macOS, or in WSL 2',
  };
}

async function create(name: string, context: TransportContext): Promise<UdsTransport> {
  const answer = probe();
  if (answer.available) return UdsTransport.open(name, context);
  throw new BusError('TRANSPORT_UNAVAILABLE', answer.reason, { where: name, remedy: answer.fix });
}
