import { CLOSED, isBusError, resultName } from '@busbar/core/contract';
import type { Host } from '../host.ts';
import type { PluginReference } from '../plugin-reference.ts';
import { exchange, openPair } from './local-pair.ts';

/** What one must not do, `times` times; returns what was answered wrongly, each once. */
export async function misuse(
  _host: Host,
  plugin: PluginReference,
  directory: string,
  times: number,
): Promise<string[]> {
  const wrong = new Set<string>();
  for (let i = 0; i < times; i++) for (const what of await misuseOnce(plugin, directory)) wrong.add(what);
  return [...wrong];
}

/** Everything one must not do with a sender, a receiver and a transport. */
async function misuseOnce(plugin: PluginReference, directory: string): Promise<string[]> {
  const wrong: string[] = [];
  const refused = async (what: string, code: string, call: () => unknown): Promise<void> => {
    try {
      await call();
      wrong.push(`${what} was not refused`);
    } catch (error) {
      if (!isBusError(error) || error.code !== code) wrong.push(`${what} threw ${String(error)}, not BusError ${code}`);
    }
  };
  const pair = await openPair(plugin, directory);
  const { sender, receiver, transports } = pair;
  await refused('commit without a claim', 'MISUSE', () => sender.commit());
  await refused('abort without a claim', 'MISUSE', () => sender.abort());
  await refused('a claim shorter than a header', 'MISUSE', () => sender.tryClaim(31));
  sender.tryClaim(64);
  await refused('a second claim', 'MISUSE', () => sender.tryClaim(64));
  await refused('a commit longer than its claim', 'MISUSE', () => sender.commit(65));
  sender.abort();
  await exchange(pair, 1);

  const { frame } = sender;
  await sender.close();
  const claim = sender.tryClaim(64);
  if (claim !== CLOSED) wrong.push(`a claim on a closed sender was answered ${resultName(claim)}`);
  await refused('a commit on a closed sender', 'MISUSE', () => sender.commit());
  sender.flush();
  if (sender.writableBytes !== 0) wrong.push(`a closed sender has ${sender.writableBytes} writable bytes`);
  sender.confirmed('copied');
  sender.onWritable(() => {});
  sender.onConfirmed(() => {});
  await receiver.close();
  receiver.prepareToSleep();
  if (receiver.poll(() => 0, 1) !== 0) wrong.push('poll of a closed receiver handed over a frame');
  await refused('onReadable on a closed receiver', 'CLOSED', () => receiver.onReadable(() => {}));
  await pair.close();
  // Whatever it shows now, a view that was kept is no way to crash.
  void (frame.u8[0] + frame.u8[frame.u8.length - 1]);
  await refused('listen on a closed transport', 'CLOSED', () => transports[0].listen());
  const nobody = { id: '0'.repeat(16), name: '', pid: 0, uid: undefined, verified: false };
  await refused('connect on a closed transport', 'CLOSED', () => transports[0].connect(receiver.address, nobody));
  return wrong;
}
