import { VirtualClock } from '@busbar/core/testing';
import { expect, test } from 'vitest';

test('timers fire in the order they fall due, each at its own time', async () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const note = (name: string) => () => fired.push(`${name} at ${clock.now()}`);
  clock.setTimer(note('late'), 30);
  clock.setTimer(note('early'), 10);
  clock.setTimer(note('early too'), 10);
  clock.setTimer(note('not yet'), 31);
  await clock.advance(30);
  expect(fired).toEqual(['early at 10', 'early too at 10', 'late at 30']);
  expect(clock.now()).toBe(30);
  expect(clock.pending).toBe(1);
});

test('a timer set by a timer falls due in the same advance', async () => {
  const clock = new VirtualClock();
  let times = 0;
  const again = (): void => {
    times++;
    clock.setTimer(again, 10);
  };
  clock.setTimer(again, 10);
  await clock.advance(35);
  expect(times).toBe(3);
});

test('what a timer settles is followed up before the next one', async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  const followUp = new Promise<void>((resolve) => clock.setTimer(resolve, 10))
    .then(() => Promise.resolve())
    .then(() => order.push('followed up'));
  clock.setTimer(() => order.push('next timer'), 11);
  await clock.advance(20);
  await followUp;
  expect(order).toEqual(['followed up', 'next timer']);
});

test('a cancelled timer does not fire', async () => {
  const clock = new VirtualClock();
  clock.setTimer(() => expect.fail('cancelled'), 5).cancel();
  await clock.advance(10);
  expect(clock.pending).toBe(0);
});
