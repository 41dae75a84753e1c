import { createStand, newParticipant } from '@busbar/conformance/control';
import type { PeerInfo, PeerTransport, Receiver, Sender, TransportPlugin } from '@busbar/core/contract';
import type { Partner } from '../program.ts';

interface Introduction {
  readonly self: PeerInfo;
  readonly address: string;
}

/** One process's inbox on a transport, and its sender into the other process's, without a bus. */
export interface RawEndpoint {
  readonly receiver: Receiver;
  readonly sender: Sender;
}

const CONNECTED = 'connected';

/** Opens `plugin` here and connects with the partner, which does the same at the same time. */
export async function openRawEndpoint(
  plugin: TransportPlugin,
  name: string,
  directory: string,
  partner: Partner,
): Promise<RawEndpoint> {
  let introduce = (_introduction: Introduction): void => {};
  const introduced = new Promise<Introduction>((resolve) => {
    introduce = resolve;
  });
  let connected = (): void => {};
  const bothConnected = new Promise<void>((resolve) => {
    connected = resolve;
  });
  const self = newParticipant(name);
  const { context, control } = createStand({ self, directory, post: (_to, message) => partner.send(message) });
  partner.onMessage((message) => {
    if (message === CONNECTED) connected();
    else if (message instanceof Uint8Array) for (const id of control.peers.keys()) control.deliver(id, message);
    else {
      // Linked at once: an invitation may lie right behind the introduction.
      control.link((message as Introduction).self);
      introduce(message as Introduction);
    }
  });
  const transport = (await plugin.create(context)) as PeerTransport;
  const receiver = await transport.listen();
  partner.send({ self, address: receiver.address });
  const other = await introduced;
  const sender = await transport.connect(other.address, other.self);
  partner.send(CONNECTED);
  await bothConnected;
  return { receiver, sender };
}
