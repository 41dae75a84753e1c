import { DONE, OK, type PeerTransport, type Receiver, resultName, type Sender } from '@busbar/core/contract';
import { newParticipant } from '../../control/context.ts';
import { linkStands } from '../../control/link-stands.ts';
import { firstDifference, frameLength, type Stream, senderNumber, writeFrame } from '../content.ts';
import { loadPlugin, type PluginReference } from '../plugin-reference.ts';

/** Two transports of one plugin in this process, the first with a sender into the second's inbox. */
export interface LocalPair {
  readonly transports: readonly PeerTransport[];
  readonly sender: Sender;
  readonly receiver: Receiver;
  /** The id that the sender's frames bear. */
  readonly from: string;
  close(): Promise<void>;
}

/** Opens a pair; when that fails, what had been opened is closed before the error is passed on. */
export async function openPair(reference: PluginReference, directory: string): Promise<LocalPair> {
  const plugin = await loadPlugin(reference);
  const selves = [newParticipant('a'), newParticipant('b')];
  const stands = linkStands(selves[0], selves[1], directory);
  const transports: PeerTransport[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(transports.map((transport) => transport.close()));
  };
  try {
    for (const stand of stands) transports.push((await plugin.create(stand.context)) as PeerTransport);
    const [, receiver] = [await transports[0].listen(), await transports[1].listen()];
    const peer = stands[0].control.peers.get(selves[1].id);
    if (peer === undefined) throw new Error('the stands are not linked');
    const sender = await transports[0].connect(receiver.address, peer);
    return { transports, sender, receiver, from: selves[0].id, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const STREAM: Stream = { stream: 1, sizes: [40, 0, 1_000] };

/** Sends `count` frames through the pair and waits for them; throws when one is refused, wrong or missing. */
export async function exchange(pair: LocalPair, count: number, patienceMs = 5_000): Promise<void> {
  const { sender, receiver } = pair;
  const number = senderNumber(pair.from);
  for (let sequence = 0; sequence < count; sequence++) {
    const result = sender.tryClaim(frameLength(STREAM, sequence));
    if (result !== OK) throw new Error(`claim ${sequence} was answered ${resultName(result)}`);
    writeFrame(sender.frame, sender.offset, number, STREAM, sequence);
    sender.commit();
  }
  sender.flush();
  let next = 0;
  const read = (): number =>
    receiver.poll((frame, offset, length) => {
      const difference = firstDifference(frame, offset, length, number, STREAM, next++);
      if (difference >= 0) throw new Error(`frame ${next - 1} is wrong from byte ${difference}`);
      return DONE;
    }, count);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${next} of ${count} frames arrived`)), patienceMs);
    const turn = (): void => {
      while (read() > 0);
      if (next < count) {
        if (!receiver.prepareToSleep()) setImmediate(turn);
        return;
      }
      clearTimeout(timer);
      resolve();
    };
    receiver.onReadable(turn);
    turn();
  });
}
