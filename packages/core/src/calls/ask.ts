import type { CallContract } from '../contracts.ts';
import type { Engine } from '../engine.ts';
import type { RequestOptions } from '../options.ts';
import { noResponders, prepare } from './prepare.ts';

/** `Bus.request`, for a bus that is open. */
export async function ask(
  engine: Engine,
  call: string | CallContract,
  input: unknown,
  options: RequestOptions | undefined,
): Promise<unknown> {
  const { name, shipment, terms } = prepare(engine, 'request', call, input, options, options);
  const server = engine.chooseServer(name);
  if (server === undefined) throw noResponders(name, `request ${name}`);
  return engine.requests.send(name, server, shipment, terms);
}
