import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { type Dial, decodeControl, encodeHello } from '../src/handshake.ts';
import { Invitations } from '../src/invitations.ts';
import { HandClock, participant } from './contexts.ts';

const peer = participant('peer');

function invite(signal?: AbortSignal) {
  const clock = new HandClock();
  const invitations = new Invitations(clock);
  let dial: Dial | undefined;
  const connected = invitations.invite(
    peer,
    '/p',
    (message) => {
      dial = decodeControl(message) as Dial;
      return true;
    },
    signal,
  );
  return { clock, invitations, connected, dial: dial as Dial };
}

test('the token admits one connection, once', async () => {
  const { invitations, connected, dial, clock } = invite();
  const socket = new Socket();
  expect(invitations.accept(encodeHello(dial.number, dial.token), socket)).toBe(true);
  await expect(connected).resolves.toBe(socket);
  expect(invitations.accept(encodeHello(dial.number, dial.token), new Socket())).toBe(false);
  expect(clock.timers).toBe(0);
});

test('a wrong token and a wrong number admit nobody and leave the invitation open', async () => {
  const { invitations, connected, dial } = invite();
  const wrong = Uint8Array.from(dial.token);
  wrong[31] ^= 1;
  expect(invitations.accept(encodeHello(dial.number, wrong), new Socket())).toBe(false);
  expect(invitations.accept(encodeHello(dial.number + 1, dial.token), new Socket())).toBe(false);
  expect(invitations.accept(encodeHello(dial.number, dial.token), new Socket())).toBe(true);
  await connected;
});

test('it expires with the signal, also when that has fired before', async () => {
  const controller = new AbortController();
  const { invitations, connected, dial, clock } = invite(controller.signal);
  controller.abort();
  await expect(connected).rejects.toMatchObject({ code: 'ABORTED', outcome: 'not-sent' });
  expect(invitations.accept(encodeHello(dial.number, dial.token), new Socket())).toBe(false);
  expect(clock.timers).toBe(0);
  await expect(invite(AbortSignal.abort()).connected).rejects.toMatchObject({ code: 'ABORTED' });
});

test('it expires after a while, so that no connect hangs', async () => {
  const { clock, connected } = invite();
  clock.advance(5_000);
  await expect(connected).rejects.toMatchObject({ code: 'TRANSPORT_FAILED' });
});

test('no link means that the peer is gone', async () => {
  const connected = new Invitations(new HandClock()).invite(peer, '/p', () => false);
  await expect(connected).rejects.toMatchObject({ code: 'PEER_GONE', outcome: 'not-sent' });
});

test('only the invited peer can refuse, and its want of descriptors is told apart', async () => {
  const { invitations, connected, dial } = invite();
  invitations.refuse(participant('other'), dial.number, 'TRANSPORT_FAILED: mischief');
  invitations.refuse(peer, dial.number, 'RESOURCE_EXHAUSTED: EMFILE');
  await expect(connected).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
});
