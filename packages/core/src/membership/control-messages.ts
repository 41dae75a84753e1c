import { BusError, KIND, SKIPPABLE_KIND } from '../contract/index.ts';
import type { ControlChannel, ControlMessage } from '../control/control-connection.ts';
import type { MembershipHost } from './host.ts';
import { parseChange } from './interest-change.ts';
import type { Member } from './member.ts';

/** What a peer says over its control connection. @throws BusError PROTOCOL_ERROR | QUOTA_EXCEEDED */
export function takeControlMessage(
  member: Member,
  connection: ControlChannel,
  { kind, id, topic, payload }: ControlMessage,
  host: MembershipHost,
): void {
  const where = `link to ${member.peer.name}`;
  switch (kind) {
    case KIND.SUBSCRIBE:
      member.apply(parseChange(payload, where), true);
      connection.send(KIND.RECEIPT, id, NO_PAYLOAD);
      return;
    case KIND.UNSUBSCRIBE:
      member.apply(parseChange(payload, where), false);
      return;
    case KIND.RECEIPT:
      member.acknowledged(id);
      return;
    case KIND.OFFER:
      member.offers.message(connection, id, payload);
      return;
    case KIND.PING:
      if (payload.length > 0) connection.send(KIND.PING, id, NO_PAYLOAD);
      else member.answered(id);
      return;
    case KIND.ATTACH:
      host.attach(member.peer, topic, payload);
      return;
    case KIND.BYE:
      member.leaving = true;
      return;
    case KIND.ERROR:
      host.logger.warn(`${member.peer.name} refused a control message`, { message: Buffer.from(payload).toString() });
      return;
    default:
      host.rejected(new BusError('UNSUPPORTED_KIND', `kind ${kind} on the control connection`, { where }));
      if (kind < SKIPPABLE_KIND)
        connection.send(KIND.ERROR, id, Buffer.from(JSON.stringify({ code: 'UNSUPPORTED_KIND', kind })));
  }
}

const NO_PAYLOAD = new Uint8Array(0);
