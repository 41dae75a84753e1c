import { isBusError } from '@busbar/core/contract';
import type { NativeAvailability } from './availability.ts';
import type { HandedDescriptors } from './handed-descriptors.ts';
import { handoverPair } from './handover.ts';
import { isOutOfReach } from './peer-descriptor.ts';
import { mapPeerMemory } from './peer-memory.ts';
import { allocateSharedMemory, type SharedMemory } from './shared-memory.ts';
import type { Syscalls } from './syscalls.ts';

const BYTES = 4096;
const WORD = 0x62757362;

/** Shares a page with ourselves, the ways peers do. Never throws. */
export function probeSharedMemory(syscalls: Syscalls): NativeAvailability {
  if (process.arch === 'arm' || process.arch === 'ia32') {
    return refusal('UNSUPPORTED_PLATFORM', `shared memory needs 64-bit addresses, this is ${process.arch}`, OTHERS);
  }
  try {
    const answer = crosses(syscalls);
    return answer ? { available: true } : refusal('NO_KERNEL_SUPPORT', 'what is written does not arrive', OTHERS);
  } catch (error) {
    return explained(error);
  }
}

/** Whether a word written through one mapping is read through the other. */
function crosses(syscalls: Syscalls): boolean {
  const ours = allocateSharedMemory(syscalls, 'busbar-probe', BYTES);
  try {
    const theirs = reached(syscalls, ours);
    new Uint32Array(ours.buffer)[0] = WORD;
    const arrived = new Uint32Array(theirs.buffer)[0] === WORD;
    theirs.close();
    return arrived;
  } finally {
    ours.close();
  }
}

function reached(syscalls: Syscalls, ours: SharedMemory): SharedMemory {
  try {
    return mapPeerMemory(syscalls, process.pid, ours.descriptor, BYTES);
  } catch (error) {
    if (!isOutOfReach(error)) throw error;
    return handedOver(syscalls, ours);
  }
}

function handedOver(syscalls: Syscalls, ours: SharedMemory): SharedMemory {
  const [giver, taker] = handoverPair(syscalls);
  let handed: HandedDescriptors | undefined;
  try {
    giver.send(WORD, [ours.descriptor]);
    handed = taker.receive(WORD, 1);
    return handed.sharedMemory(0, BYTES);
  } finally {
    for (const one of [handed, giver, taker]) one?.close();
  }
}

const OTHERS = 'use transports that share no memory: memory, uds';
const REFUSED = ['EACCES', 'EPERM'];

function explained(error: unknown): NativeAvailability {
  const reason = error instanceof Error ? error.message : String(error);
  if (!isBusError(error)) return refusal('NO_KERNEL_SUPPORT', reason, OTHERS);
  if (error.code === 'TRANSPORT_UNAVAILABLE') return refusal('NO_EXTERNAL_BUFFERS', reason, OTHERS);
  if (error.code === 'RESOURCE_EXHAUSTED') return refusal('RESOURCE_EXHAUSTED', reason, error.remedy ?? OTHERS);
  const { code, syscall } = (error.cause ?? {}) as NodeJS.ErrnoException;
  if (REFUSED.includes(code ?? ''))
    return refusal('PERMISSION_DENIED', reason, `allow ${syscall} (seccomp, container)`);
  return refusal('NO_KERNEL_SUPPORT', reason, 'use Linux 3.17 or later, with memfd_create enabled');
}

function refusal(code: string, reason: string, fix: string): NativeAvailability {
  return { available: false, code, reason, fix };
}
