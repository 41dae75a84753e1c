import type { PeerInfo, TransportLimits } from '@busbar/core/contract';
import { createStand, type Stand } from './context.ts';

/** Two participants of this thread, linked with each other; control messages arrive in a later turn, as over a socket. */
export function linkStands(
  a: PeerInfo,
  b: PeerInfo,
  directory: string,
  limits?: Partial<TransportLimits>,
): readonly [Stand, Stand] {
  const stands = [a, b].map((self, index) =>
    createStand({
      self,
      directory,
      post: (_to, message) => {
        const copy = message.slice();
        setImmediate(() => stands[1 - index].control.deliver(self.id, copy));
      },
      ...(limits === undefined ? {} : { limits }),
    }),
  );
  stands[0].control.link({ ...b });
  stands[1].control.link({ ...a });
  return [stands[0], stands[1]];
}
