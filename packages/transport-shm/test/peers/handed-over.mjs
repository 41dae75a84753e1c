// The transport as it is where /proc shows nobody the bells of others: each ring has to be handed over.
import { shm } from '@busbar/transport-shm';

const HIDDEN = 2 ** 31 - 1;

/** The control link, on which the bell of an `open` is a number that leads nowhere. */
function blinded(control) {
  return {
    onMessage: (handler) => control.onMessage(handler),
    violation: (peer, error) => control.violation(peer, error),
    onPeerLost: (handler) => control.onPeerLost(handler),
    send(peer, bytes) {
      const message = JSON.parse(Buffer.from(bytes).toString());
      if (message.op !== 'open') return control.send(peer, bytes);
      return control.send(peer, Buffer.from(JSON.stringify({ ...message, bell: HIDDEN })));
    },
  };
}

export function handedOver() {
  const plugin = shm();
  const create = (context) => plugin.create({ ...context, control: blinded(context.control) });
  return { ...plugin, create };
}
