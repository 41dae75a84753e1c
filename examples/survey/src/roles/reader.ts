import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bus, DEFAULT_LIMITS, isBusError } from '@busbar/core';
import type { RoleWork } from '../agent.ts';
import { Content, contentPriority, Read, type ReadResult } from '../contracts.ts';
import { problemOf } from '../problem.ts';

const { maxMessageBytes } = DEFAULT_LIMITS;
/** A link that has taken the place of a file since the scan is not followed. */
const READ_ONLY_NO_LINKS = constants.O_RDONLY | constants.O_NOFOLLOW;

/** Loads files on request and sends each whole to the analyst. Requests are shared by all readers there are. */
export const reader: RoleWork = ({ bus, root, gate }) => {
  const read = bus.serve(Read, async ({ path, bytes }): Promise<ReadResult> => {
    await gate.passed();
    if (bytes > maxMessageBytes) return tooLarge(bytes);
    let content: Uint8Array;
    try {
      content = await readFile(join(root, path), { flag: READ_ONLY_NO_LINKS });
    } catch (error) {
      return { status: 'unreadable', reason: problemOf(error) };
    }
    return content.length > maxMessageBytes ? tooLarge(content.length) : deliver(bus, path, content);
  });
  return [read];
};

/** The receipt says who has taken the content: if that analyst dies before it reports, the file is read again. */
async function deliver(bus: Bus, path: string, content: Uint8Array): Promise<ReadResult> {
  try {
    const receipt = await bus.publish(Content, content, {
      priority: contentPriority(content.length),
      headers: { path },
      // No file needs to wait for another one's order.
      orderKey: path,
    });
    const taker = receipt.deliveries.find(({ outcome }) => outcome === 'delivered');
    if (taker !== undefined) return { status: 'delivered', analyst: taker.peer };
  } catch (error) {
    if (!isBusError(error) || (error.code !== 'PEER_GONE' && error.code !== 'DEADLINE_EXCEEDED')) throw error;
  }
  return { status: 'undelivered' };
}

function tooLarge(bytes: number): ReadResult {
  return { status: 'unreadable', reason: `${bytes} bytes exceed the message limit of ${maxMessageBytes}` };
}
