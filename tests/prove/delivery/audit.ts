import { orderOf } from './task.ts';
import type { Note } from './work-log.ts';

/** One process of a round, by what it noted. */
export interface Witness {
  readonly name: string;
  readonly isDead: boolean;
  readonly notes: readonly Note[];
}

/** What the kills met: killed processes by what it was, and all together. */
export interface CutOff {
  readonly processes: number;
  /** Workers in the middle of a task. */
  readonly inHandler: number;
  /** Workers that were done with a task and had not told its producer. */
  readonly unheard: number;
  /** Producers that waited for word of a task. */
  readonly waiting: number;
  /** Tasks that others took over before they were begun. */
  readonly tasksUnbegun: number;
}

/** What must not be, each with an example or more in words; and what was met. */
export interface AuditReport {
  readonly tasks: number;
  /** Handlers that were given a message with the mark. */
  readonly redeliveries: number;
  /** Tasks done once more by another process, from a message with the mark: what at-least-once allows. */
  readonly duplicatesMarked: number;
  readonly deadLetters: number;
  readonly cutOff: CutOff;
  /** Done, or begun, again without the mark, or by the same process. */
  readonly duplicatesUnmarked: readonly string[];
  /** Told to the producer as processed, and done by nobody until then; or a dead letter for good. */
  readonly lost: readonly string[];
  /** Issued by a producer that lives, and never settled. */
  readonly unsettled: readonly string[];
  readonly reordered: readonly string[];
  readonly corrupt: readonly string[];
}

interface Sighting {
  readonly worker: Witness;
  readonly note: Note;
}

/** What all processes noted of one task. */
class Story {
  readonly task: string;
  readonly producer: Witness;
  readonly begun: Sighting[] = [];
  readonly done: Sighting[] = [];
  processed = 0;
  /** When its producer was told first. */
  processedAt = Number.POSITIVE_INFINITY;
  deadLetters = 0;

  constructor(task: string, producer: Witness) {
    this.task = task;
    this.producer = producer;
  }

  get inWords(): string {
    const tell = (word: string, { worker, note }: Sighting): string =>
      `${word} by ${worker.name}${worker.isDead ? ' (dead)' : ''}${note.redelivered ? ', marked' : ''}, at ${note.at.toFixed(1)}`;
    const happened = [
      ...this.begun.map((one) => tell('begun', one)),
      ...this.done.map((one) => tell('done', one)),
      ...(this.deadLetters > 0 ? [`${this.deadLetters} times a dead letter`] : []),
      ...(this.processed > 0 ? ['told as processed'] : []),
    ];
    return `${this.task}: ${happened.length > 0 ? happened.join('; ') : 'begun by nobody'}`;
  }
}

/** Holds what producers were told against what workers have done, at a moment when everything should be settled. */
export function audit(workers: readonly Witness[], producers: readonly Witness[]): AuditReport {
  const report: Findings = {
    redeliveries: 0,
    duplicatesMarked: 0,
    deadLetters: 0,
    duplicatesUnmarked: [],
    lost: [],
    unsettled: [],
    reordered: [],
    corrupt: [],
  };
  const stories = new Map<string, Story>();
  for (const producer of producers) readProducer(producer, stories, report.corrupt);
  for (const worker of workers) readWorker(worker, stories, report);
  for (const story of stories.values()) judge(story, report);
  return { tasks: stories.size, ...report, cutOff: cutOff(workers, [...stories.values()]) };
}

type Findings = {
  -readonly [K in Exclude<keyof AuditReport, 'tasks' | 'cutOff'>]: AuditReport[K] extends number ? number : string[];
};

function cutOff(workers: readonly Witness[], stories: readonly Story[]): CutOff {
  const inHandler = workers.filter((worker) => worker.isDead && leftHalf(worker));
  const unheard = new Set(stories.map(diedUnheard));
  const waiting = new Set(
    stories.map(({ producer, processed }) => (producer.isDead && processed === 0 ? producer : undefined)),
  );
  const all = new Set([...inHandler, ...unheard, ...waiting]);
  for (const set of [unheard, waiting, all]) set.delete(undefined);
  return {
    processes: all.size,
    inHandler: inHandler.length,
    unheard: unheard.size,
    waiting: waiting.size,
    tasksUnbegun: stories.filter(({ begun }) => begun[0]?.note.redelivered === true).length,
  };
}

function readProducer(producer: Witness, stories: Map<string, Story>, corrupt: string[]): void {
  for (const { word, task, at } of producer.notes) {
    const story = stories.get(task);
    if (word === 'issued' && story === undefined) stories.set(task, new Story(task, producer));
    else if (word === 'processed' && story !== undefined) {
      story.processed++;
      story.processedAt = Math.min(story.processedAt, at);
    } else if (word === 'dead-lettered' && story !== undefined) story.deadLetters++;
    else corrupt.push(`${producer.name} was told '${word}' of ${task}`);
  }
}

function readWorker(worker: Witness, stories: Map<string, Story>, report: Findings): void {
  const last = new Map<string, number>();
  for (const note of worker.notes) {
    const { word, task, redelivered } = note;
    const story = stories.get(task);
    if (story === undefined || word === 'corrupt') {
      report.corrupt.push(`${worker.name} was given ${task}${story === undefined ? ', which nobody issued' : ''}`);
    } else if (word === 'done') story.done.push({ worker, note });
    else if (word === 'began') {
      story.begun.push({ worker, note });
      if (redelivered) report.redeliveries++;
      else checkOrder(worker, task, last, report.reordered);
    }
  }
}

/** First deliveries of one key come in order; what is sent again comes later. */
function checkOrder(worker: Witness, task: string, last: Map<string, number>, reordered: string[]): void {
  const order = orderOf(task);
  if (order === undefined) return;
  const before = last.get(order.line) ?? -1;
  if (order.number < before) reordered.push(`${worker.name} began ${task} after number ${before}`);
  else last.set(order.line, order.number);
}

function judge(story: Story, report: Findings): void {
  const { begun, done, producer, processed, processedAt, deadLetters } = story;
  const byTime = ({ note: a }: Sighting, { note: b }: Sighting): number => a.at - b.at;
  begun.sort(byTime);
  done.sort(byTime);
  if (begun.slice(1).some(({ note }) => !note.redelivered))
    report.duplicatesUnmarked.push(`begun again, ${story.inWords}`);
  const unmarked = done.slice(1).some(({ note }) => !note.redelivered);
  const repeated = new Set(done.map(({ worker }) => worker)).size < done.length;
  if (unmarked || repeated)
    report.duplicatesUnmarked.push(`done again${repeated ? ' by one process' : ''}, ${story.inWords}`);
  else report.duplicatesMarked += Math.max(0, done.length - 1);
  report.deadLetters += deadLetters;
  if (processed > 0 && done.length === 0) report.lost.push(`done by nobody, ${story.inWords}`);
  else if (done[0]?.note.at > processedAt) report.lost.push(`told before it was done, ${story.inWords}`);
  if (processed > 1) report.corrupt.push(`settled ${processed} times, ${story.inWords}`);
  if (processed > 0 || producer.isDead) return;
  if (deadLetters > 0) report.lost.push(`a dead letter for good, ${story.inWords}`);
  else report.unsettled.push(`unsettled, ${story.inWords}`);
}

/** It was killed between the beginning of a task and its end. */
function leftHalf({ notes }: Witness): boolean {
  const half = new Set<string>();
  for (const { word, task } of notes) {
    if (word === 'began') half.add(task);
    else half.delete(task);
  }
  return half.size > 0;
}

/** Who had done the task and was killed before anybody knew, so that another had to do it again. */
function diedUnheard({ done }: Story): Witness | undefined {
  return done.length > 1 && done[0].worker.isDead ? done[0].worker : undefined;
}
