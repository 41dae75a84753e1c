import { assertCount, assertMs } from '../call-options.ts';
import type { CallContract } from '../contracts.ts';
import type { Engine } from '../engine.ts';
import type { RequestManyOptions } from '../options.ts';
import { type Answers, ManyAnswers } from './many-answers.ts';
import { noResponders, prepare } from './prepare.ts';

/** `Bus.requestMany`, for a bus that is open. */
export function askMany(
  engine: Engine,
  call: string | CallContract,
  input: unknown,
  options: RequestManyOptions | undefined,
): Answers {
  const { name, shipment, terms } = prepare(engine, 'requestMany', call, input, options);
  const where = `requestMany ${name}`;
  const { max, quiet } = options ?? {};
  assertCount('max', max, where);
  assertMs('quiet', quiet, where);
  const servers = engine.servers(name);
  if (servers.length === 0) throw noResponders(name, where);
  const answers = new ManyAnswers(engine, name, terms, { max, quiet });
  answers.ask(servers, shipment);
  return answers;
}
