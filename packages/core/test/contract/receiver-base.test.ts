import { describe, expect, test, vi } from 'vitest';
import { BusError } from '../../src/contract/errors.ts';
import { allocateFrameBuffer } from '../../src/contract/frame-buffer.ts';
import { ReceiverBase } from '../../src/contract/receiver-base.ts';
import { DONE, type FrameHandler } from '../../src/contract/transport.ts';

class Medium extends ReceiverBase {
  readonly address = 'test:1';
  available = 0;
  released = 0;

  protected read(handler: FrameHandler, limit: number): number {
    const handed = Math.min(this.available, limit);
    for (let i = 0; i < handed; i++) handler(allocateFrameBuffer(32), 0, 32, undefined);
    this.available -= handed;
    return handed;
  }

  protected release(): void {
    this.released++;
  }

  prepareToSleep(): boolean {
    return this.available === 0;
  }

  drain(): void {}

  ring(): void {
    this.becameReadable();
  }

  breakDown(reason: BusError): void {
    this.fail(reason);
  }
}

const broken = new BusError('TRANSPORT_FAILED', 'broken');
const settled = () => new Promise(setImmediate);

describe('ReceiverBase', () => {
  test('hands over at most the limit and counts', () => {
    const receiver = new Medium();
    const handler = vi.fn(() => DONE as typeof DONE);
    receiver.available = 5;
    expect([receiver.poll(handler, 3), receiver.poll(handler, 3), receiver.poll(handler, 3)]).toEqual([3, 2, 0]);
    expect([receiver.frames, handler.mock.calls.length]).toEqual([5, 5]);
  });

  test('rings whenever there is something, until closed', async () => {
    const receiver = new Medium();
    const readable = vi.fn();
    receiver.onReadable(readable);
    receiver.ring();
    receiver.ring();
    await receiver.close();
    receiver.ring();
    expect(readable).toHaveBeenCalledTimes(2);
  });

  test('closed, it hands over nothing and takes no callback; twice releases once', async () => {
    const receiver = new Medium();
    receiver.available = 1;
    const first = receiver.close();
    expect(receiver.close()).toBe(first);
    await first;
    expect(receiver.released).toBe(1);
    expect(receiver.poll(() => DONE, 1)).toBe(0);
    expect(() => receiver.onReadable(() => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  test('an inbox that breaks tells its reason once, also to who listens late', async () => {
    const receiver = new Medium();
    const closed = vi.fn();
    receiver.onClose(closed);
    receiver.breakDown(broken);
    receiver.breakDown(broken);
    await settled();
    expect(closed.mock.calls).toEqual([[broken]]);
    const late = vi.fn();
    receiver.onClose(late);
    await settled();
    expect(late.mock.calls).toEqual([[broken]]);
    expect(receiver.released).toBe(1);
  });
});
