import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, type } from 'node:os';

/** What figures depend on. A calibration counts only where all of it is the same. */
export interface MachineFacts {
  /** `Linux 6.18.5`. */
  readonly kernel: string;
  /** Model of the processor, as the system names it. */
  readonly cpu: string;
  /** Cores that this process may use: two processes on one core take turns. */
  readonly cores: number;
  readonly architecture: string;
  /** Version of Node.js. */
  readonly node: string;
  /**
   * Id of this start of the system; '' where it has none. It tells two machines of one kind apart, which may share a
   * directory, and a virtual one may have moved while it was off.
   */
  readonly boot: string;
}

/** Reads /proc where there is one. Never throws. */
export function thisMachine(): MachineFacts {
  return {
    kernel: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    architecture: process.arch,
    node: process.version,
    boot: bootId(),
  };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** In what `measured` differs from `here`, in words; undefined when they are the same. */
export function differenceBetween(measured: MachineFacts, here: MachineFacts): string | undefined {
  const fields = Object.keys(here) as (keyof MachineFacts)[];
  const different = fields.filter((field) => measured[field] !== here[field]);
  if (different.length === 0) return undefined;
  return different.map((field) => `${field} was '${measured[field]}' and is '${here[field]}'`).join(', ');
}
