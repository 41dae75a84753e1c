import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { audit, type Witness } from '../prove/delivery/audit.ts';
import { taskName } from '../prove/delivery/task.ts';
import { type Note, readWorkLog, WorkLog } from '../prove/delivery/work-log.ts';

const T = taskName('p', 'work.a', undefined, 0);
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** `began`, `done*` (marked), each with its moment: `done@5`; the task is `T`, or follows: `began@3 p/work.a/k/1`. */
function witness(name: string, notes: readonly string[], isDead = false): Witness {
  return {
    name,
    isDead,
    notes: notes.map((text) => {
      const [head, task = T] = text.split(' ');
      const [word, at] = head.split('@');
      const redelivered = word.endsWith('*');
      return { word: (redelivered ? word.slice(0, -1) : word) as Note['word'], task, redelivered, at: Number(at) };
    }),
  };
}

const told = (...notes: string[]): Witness => witness('p', ['issued@0', ...notes]);

/** What was found, without its words. */
function found(workers: readonly Witness[], producers: readonly Witness[]) {
  const { lost, unsettled, duplicatesUnmarked, reordered, corrupt } = audit(workers, producers);
  return Object.fromEntries(
    Object.entries({ lost, unsettled, duplicatesUnmarked, reordered, corrupt })
      .filter(([, cases]) => cases.length > 0)
      .map(([what, cases]) => [what, cases.length]),
  );
}

describe('the audit of a delivery campaign', () => {
  test('finds nothing in what at-least-once allows, and counts it', () => {
    const workers = [witness('w1', ['began@1', 'done@2'], true), witness('w2', ['began*@3', 'done*@4'])];
    expect(audit(workers, [told('processed@5')])).toEqual({
      tasks: 1,
      redeliveries: 1,
      duplicatesMarked: 1,
      deadLetters: 0,
      cutOff: { processes: 1, inHandler: 0, unheard: 1, waiting: 0, tasksUnbegun: 0 },
      duplicatesUnmarked: [],
      lost: [],
      unsettled: [],
      reordered: [],
      corrupt: [],
    });
  });

  test('finds a lost task: told as processed, and done by nobody', () => {
    const { lost } = audit([witness('w1', ['began@1'], true)], [told('processed@2')]);
    expect(lost).toEqual([`done by nobody, ${T}: begun by w1 (dead), at 1.0; told as processed`]);
  });

  test('finds a task that was told as processed before it was', () => {
    expect(found([witness('w1', ['began@1', 'done@3'])], [told('processed@2')])).toEqual({ lost: 1 });
  });

  test('holds a dead producer to what it was told, and to nothing else', () => {
    const producer = { ...told('processed@2'), isDead: true };
    expect(found([], [producer])).toEqual({ lost: 1 });
    expect(found([], [{ ...told(), isDead: true }])).toEqual({});
    expect(audit([], [{ ...told(), isDead: true }]).cutOff).toMatchObject({ processes: 1, waiting: 1 });
  });

  test('finds an unmarked duplicate, and one that only began', () => {
    const first = witness('w1', ['began@1', 'done@2'], true);
    expect(found([first, witness('w2', ['began*@3', 'done@4'])], [told('processed@5')])).toEqual({
      duplicatesUnmarked: 1,
    });
    expect(found([first, witness('w2', ['began@3', 'refused@4'])], [told('processed@5')])).toEqual({
      duplicatesUnmarked: 1,
    });
  });

  test('finds a task that one process has done twice, marked or not', () => {
    const twice = witness('w1', ['began@1', 'done@2', 'began*@3', 'done*@4']);
    expect(found([twice], [told('processed@5')])).toEqual({ duplicatesUnmarked: 1 });
  });

  test('finds an unsettled promise, and says who had the task', () => {
    expect(audit([witness('w1', ['began*@1'], true)], [told()]).unsettled).toEqual([
      `unsettled, ${T}: begun by w1 (dead), marked, at 1.0`,
    ]);
    expect(audit([], [told()]).unsettled).toEqual([`unsettled, ${T}: begun by nobody`]);
    expect(found([witness('w1', ['began@1', 'done@2'])], [told('processed@3', 'processed@4')])).toEqual({ corrupt: 1 });
  });

  test('accounts for dead letters: processed later, or lost', () => {
    const worker = witness('w1', ['began@1', 'refused@2', 'began*@4', 'done*@5']);
    expect(found([worker], [told('dead-lettered@3', 'processed@6')])).toEqual({});
    expect(audit([worker], [told('dead-lettered@3', 'processed@6')]).deadLetters).toBe(1);
    expect(found([witness('w1', ['began@1', 'refused@2'])], [told('dead-lettered@3')])).toEqual({ lost: 1 });
  });

  test('finds first deliveries of a key out of order, and forgives those that were sent again', () => {
    const [zero, one] = [0, 1].map((number) => taskName('p', 'work.a', 'k', number));
    const producer = witness('p', [`issued@0 ${zero}`, `issued@0 ${one}`, `processed@9 ${zero}`, `processed@9 ${one}`]);
    const inTurn = (mark: string) =>
      witness('w1', [`began@1 ${one}`, `done@2 ${one}`, `began${mark}@3 ${zero}`, `done${mark}@4 ${zero}`]);
    expect(found([inTurn('')], [producer])).toEqual({ reordered: 1 });
    expect(found([inTurn('*')], [producer])).toEqual({});
  });

  test('finds what nobody issued, and content that changed on the way', () => {
    expect(found([witness('w1', ['began@1'])], [])).toEqual({ corrupt: 1 });
    expect(found([witness('w1', ['began@1', 'corrupt@2', 'done@3'])], [told('processed@4')])).toEqual({ corrupt: 1 });
  });

  test('knows whom the kill met in a handler, and what was taken over from a queue', () => {
    const workers = [witness('w1', ['began@1'], true), witness('w2', ['began@1', 'refused@2'], true)];
    const heir = witness('w3', ['began*@3', 'done*@4', `began*@5 ${T}x`, `done*@6 ${T}x`]);
    const producer = told('processed@7', `issued@0 ${T}x`, `processed@8 ${T}x`);
    expect(audit([...workers.slice(0, 1), heir], [producer]).cutOff).toEqual({
      processes: 1,
      inHandler: 1,
      unheard: 0,
      waiting: 0,
      tasksUnbegun: 1,
    });
    expect(audit(workers, [producer]).cutOff.inHandler).toBe(1);
  });
});

describe('a work log', () => {
  test('is read as it was written; what a kill cut short is no note', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'bb-'));
    folders.push(folder);
    const file = path.join(folder, 'log');
    const log = new WorkLog(file);
    log.note('began', T);
    log.note('done', T, true);
    log.close();
    appendFileSync(file, 'bega');
    expect(readWorkLog(file)).toMatchObject([
      { word: 'began', task: T, redelivered: false },
      { word: 'done', task: T, redelivered: true },
    ]);
    appendFileSync(file, 'n\n');
    expect(() => readWorkLog(file)).toThrow(/'began'/);
  });
});
