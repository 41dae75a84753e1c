import { describe, expect, test, vi } from 'vitest';
import { BusError } from '../../src/contract/errors.ts';
import { allocateFrameBuffer } from '../../src/contract/frame-buffer.ts';
import { BACK_PRESSURED, CLOSED, OK, TOO_LARGE } from '../../src/contract/result.ts';
import { SenderBase } from '../../src/contract/sender-base.ts';

/** Keeps the lengths it is given; has room until told otherwise. */
class Medium extends SenderBase {
  frame = allocateFrameBuffer(1024);
  readonly published: number[] = [];
  readonly released: (BusError | undefined)[] = [];
  full = false;

  constructor() {
    super(1024);
  }

  get writableBytes(): number {
    return this.full ? 0 : 1024;
  }

  protected claim(): number {
    return this.full ? BACK_PRESSURED : OK;
  }

  protected publish(length: number): void {
    this.published.push(length);
  }

  protected release(reason: BusError | undefined): void {
    this.released.push(reason);
  }

  room(): void {
    this.becameWritable();
  }

  progress(): void {
    this.becameConfirmed();
  }

  breakDown(reason: BusError): void {
    this.fail(reason);
  }

  get waits(): readonly [boolean, boolean] {
    return [this.awaitsRoom, this.awaitsConfirmation];
  }
}

const misuse = expect.objectContaining({ code: 'MISUSE' });
const broken = new BusError('TRANSPORT_FAILED', 'broken');
const settled = () => new Promise(setImmediate);

describe('SenderBase', () => {
  test('claim, commit: published once, counted, at most what was claimed', () => {
    const sender = new Medium();
    expect(sender.tryClaim(100)).toBe(OK);
    sender.commit();
    expect(sender.tryClaim(100)).toBe(OK);
    sender.commit(64);
    expect(sender.published).toEqual([100, 64]);
    expect([sender.frames, sender.bytes]).toEqual([2, 164]);
  });

  test('claim, abort: nothing happened', () => {
    const sender = new Medium();
    sender.tryClaim(100);
    sender.abort();
    expect([sender.frames, sender.published.length]).toEqual([0, 0]);
    expect(sender.tryClaim(50)).toBe(OK);
  });

  test('a refused claim is none', () => {
    const sender = new Medium();
    sender.full = true;
    expect(sender.tryClaim(100)).toBe(BACK_PRESSURED);
    expect(() => sender.commit()).toThrow(misuse);
    expect(sender.tryClaim(1025)).toBe(TOO_LARGE);
    expect(() => sender.abort()).toThrow(misuse);
  });

  test('misuse is told', () => {
    const sender = new Medium();
    expect(() => sender.commit()).toThrow(misuse);
    expect(() => sender.abort()).toThrow(misuse);
    expect(() => sender.tryClaim(31)).toThrow(misuse);
    sender.tryClaim(64);
    expect(() => sender.tryClaim(64)).toThrow(misuse);
    expect(() => sender.commit(65)).toThrow(misuse);
    expect(() => sender.commit(31)).toThrow(misuse);
    sender.commit(64);
    expect(sender.published).toEqual([64]);
  });

  test('callbacks for room and confirmation fire once for each time they are armed', () => {
    const sender = new Medium();
    const room = vi.fn();
    const confirmed = vi.fn();
    sender.onWritable(room);
    sender.onConfirmed(confirmed);
    expect(sender.waits).toEqual([true, true]);
    sender.room();
    sender.room();
    sender.progress();
    sender.progress();
    expect([room.mock.calls.length, confirmed.mock.calls.length]).toEqual([1, 1]);
    sender.onWritable(room);
    sender.room();
    expect(room).toHaveBeenCalledTimes(2);
  });

  test('a callback may arm itself again', () => {
    const sender = new Medium();
    let calls = 0;
    const again = () => {
      if (++calls < 3) sender.onWritable(again);
    };
    sender.onWritable(again);
    sender.room();
    sender.room();
    expect([calls, sender.waits[0]]).toEqual([2, true]);
  });

  test('closing twice releases once, and then everything is CLOSED', async () => {
    const sender = new Medium();
    const closed = vi.fn();
    const room = vi.fn();
    sender.onClose(closed);
    sender.onWritable(room);
    const first = sender.close();
    expect(sender.close()).toBe(first);
    await first;
    sender.room();
    expect(sender.released).toEqual([undefined]);
    expect(sender.tryClaim(64)).toBe(CLOSED);
    // Only a medium that closes by itself calls back.
    expect([closed.mock.calls.length, room.mock.calls.length]).toEqual([0, 0]);
  });

  test('a medium that breaks tells its reason once, also to who listens late', async () => {
    const sender = new Medium();
    const closed = vi.fn();
    sender.onClose(closed);
    sender.breakDown(broken);
    sender.breakDown(new BusError('TRANSPORT_FAILED', 'again'));
    await settled();
    expect(closed.mock.calls).toEqual([[broken]]);
    expect(sender.released).toEqual([broken]);
    const late = vi.fn();
    sender.onClose(late);
    await settled();
    expect(late.mock.calls).toEqual([[broken]]);
    await sender.close();
    expect(sender.released).toEqual([broken]);
  });

  test('a close between claim and commit publishes nothing and throws nothing', async () => {
    const sender = new Medium();
    sender.tryClaim(64);
    sender.breakDown(broken);
    sender.commit();
    expect([sender.published.length, sender.frames]).toEqual([0, 0]);
    await sender.close();
  });

  test('a medium that breaks after an orderly close has nothing to tell', async () => {
    const sender = new Medium();
    const closed = vi.fn();
    sender.onClose(closed);
    await sender.close();
    sender.breakDown(broken);
    await settled();
    expect(closed).not.toHaveBeenCalled();
  });
});
