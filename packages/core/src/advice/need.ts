import { BusError, DURABILITIES, type Durability, shown } from '../contract/index.ts';

/** Who the other side is, where that decides; its two first words stand for processes that are related, or are not. */
export const PARTNERS = ['child', 'agents', 'desktop'] as const;
export type Partner = (typeof PARTNERS)[number];

/** What two processes need of the way between them. What is left out is not required. */
export interface Need {
  /** One process has started the other, or the same one has started both. Default: as `partner` says, else false. */
  readonly related?: boolean | undefined;
  /** Messages go both ways on it. Default false. */
  readonly bidirectional?: boolean | undefined;
  /** Default true. */
  readonly sameMachine?: boolean | undefined;
  /** One side runs in a browser. Default false. */
  readonly browser?: boolean | undefined;
  /**
   * us, one way, that half of the small messages may take at most while both sides are awake: from the call that
   * publishes to the handler. What a disk takes to flush is not in it.
   */
  readonly latencyMicros?: number | undefined;
  /** Payload bytes a second that must pass in large messages: 1e9 is 1 GB/s. */
  readonly throughputBytesPerSecond?: number | undefined;
  /** What a message must survive once it is handed over. Default `volatile`: nothing. */
  readonly durability?: Durability | undefined;
  /**
   * `child`: a process that this one starts itself. `agents`: processes that come and go by themselves, around one that
   * orchestrates them. `desktop`: a service of the desktop that is not on the bus. Default: none of these.
   */
  readonly partner?: Partner | undefined;
}

/** A need that was checked, with its defaults. */
export interface CheckedNeed {
  readonly related: boolean;
  readonly bidirectional: boolean;
  readonly sameMachine: boolean;
  readonly browser: boolean;
  /** Another machine, or a browser. */
  readonly remote: boolean;
  readonly latencyMicros: number | undefined;
  readonly throughputBytesPerSecond: number | undefined;
  readonly durability: Durability;
  readonly partner: Partner | undefined;
}

interface Check {
  readonly words: string;
  readonly holds: (value: unknown) => boolean;
}

const FLAG: Check = { words: 'true or false', holds: (value: unknown) => typeof value === 'boolean' };
const AMOUNT: Check = {
  words: 'a positive, finite number',
  holds: (value: unknown) => Number.isFinite(value) && (value as number) > 0,
};

function oneOf(list: readonly string[]): Check {
  return { words: `one of ${list.join(', ')}`, holds: (value) => list.includes(value as string) };
}

const FIELDS: Readonly<Record<keyof Need, Check>> = {
  related: FLAG,
  bidirectional: FLAG,
  sameMachine: FLAG,
  browser: FLAG,
  latencyMicros: AMOUNT,
  throughputBytesPerSecond: AMOUNT,
  durability: oneOf(DURABILITIES),
  partner: oneOf(PARTNERS),
};

/** @throws BusError INVALID_OPTION: an unknown field or value, or two that exclude each other */
export function checkNeed(need: Need): CheckedNeed {
  if (typeof need !== 'object' || need === null) throw invalid(`the need is ${shown(need)}`, 'give an object');
  for (const [field, value] of Object.entries(need)) {
    if (!Object.hasOwn(FIELDS, field))
      throw invalid(`there is no ${shown(field)}`, `there are ${Object.keys(FIELDS).join(', ')}`);
    const { words, holds } = FIELDS[field as keyof Need];
    if (value !== undefined && !holds(value)) throw invalid(`${field} is ${shown(value)}`, `give ${words}`);
  }
  const { sameMachine = true, browser = false, durability = 'volatile', partner } = need;
  const remote = browser || !sameMachine;
  const checked: CheckedNeed = {
    related: need.related ?? partner === 'child',
    bidirectional: need.bidirectional ?? false,
    sameMachine,
    browser,
    remote,
    latencyMicros: need.latencyMicros,
    throughputBytesPerSecond: need.throughputBytesPerSecond,
    durability,
    partner,
  };
  const contradiction = contradictionIn(checked);
  if (contradiction !== undefined) throw invalid(contradiction, 'leave one of the two out');
  return checked;
}

function contradictionIn({ related, remote, browser, durability, partner }: CheckedNeed): string | undefined {
  const away = browser ? 'in a browser' : 'on another machine';
  if (partner !== undefined && related !== (partner === 'child'))
    return `partner '${partner}' and related ${related} exclude each other`;
  if (remote && related) return `what is ${away} is not related to a process here`;
  if (remote && partner === 'desktop') return `a service of the desktop is not ${away}`;
  if (partner === 'desktop' && durability !== 'volatile')
    return `D-Bus keeps nothing, and durability is '${durability}'`;
  return undefined;
}

function invalid(what: string, remedy: string): BusError {
  return new BusError('INVALID_OPTION', what, { where: 'advise', remedy });
}
