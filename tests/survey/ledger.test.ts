import { describe, expect, it } from 'vitest';
import type { FindingMessage } from '../../examples/survey/src/contracts.ts';
import { Ledger } from '../../examples/survey/src/ledger.ts';

const finding = (path: string): FindingMessage => ({
  path,
  bytes: 10,
  language: 'Text',
  lines: 1,
  todos: 0,
  imports: 0,
  hash: path,
});

/** A ledger with one file `a`, asked of a reader. */
function reading(): Ledger {
  const ledger = new Ledger();
  ledger.analystStarted('analyst 1', 0);
  ledger.sighted({ path: 'a', bytes: 10 }, 0);
  ledger.scanned = true;
  expect(ledger.next(0)?.path).toBe('a');
  return ledger;
}

describe('a file is done', () => {
  it('when its finding is here and with the archivist', () => {
    const ledger = reading();
    ledger.delivered('a', 'analyst 1', 0);
    ledger.found(finding('a'), 0);
    expect(ledger.complete).toBe(false);
    ledger.confirmed(['a'], 0);
    expect(ledger.complete).toBe(true);
    expect(ledger.keptBytes).toBe(10);
  });

  it('whatever order the news of it comes in', () => {
    const ledger = reading();
    ledger.confirmed(['a'], 0);
    expect(ledger.complete).toBe(false);
    ledger.found(finding('a'), 0);
    expect(ledger.complete).toBe(true);
    ledger.delivered('a', 'analyst 1', 0);
    expect(ledger.complete).toBe(true);
  });

  it('once, however often it is told', () => {
    const ledger = reading();
    for (let i = 0; i < 3; i++) {
      ledger.sighted({ path: 'a', bytes: 10 }, 0);
      ledger.found(finding('a'), 0);
      ledger.confirmed(['a'], 0);
    }
    expect([ledger.files, ledger.kept, ledger.keptBytes]).toEqual([1, 1, 10]);
    expect(ledger.next(0)).toBeUndefined();
  });

  it('not before the scan is', () => {
    const ledger = new Ledger();
    expect(ledger.complete).toBe(false);
    ledger.scanned = true;
    expect(ledger.complete).toBe(true);
  });
});

describe('a file is read again', () => {
  it('when its reader is gone, unless its finding has come', () => {
    const ledger = reading();
    ledger.returned('a', 0);
    expect(ledger.next(0)?.path).toBe('a');
    ledger.returned('a', 0);
    ledger.found(finding('a'), 0);
    expect(ledger.next(0)).toBeUndefined();
    expect(ledger.reassigned).toBe(2);
  });

  it('when the analyst that took it is replaced', () => {
    const ledger = reading();
    ledger.delivered('a', 'analyst 1', 0);
    ledger.analystStarted('analyst 2', 0);
    expect(ledger.next(0)?.path).toBe('a');
  });

  it('when it turns out that a dead analyst took it', () => {
    const ledger = reading();
    ledger.analystStarted('analyst 2', 0);
    ledger.delivered('a', 'analyst 1', 0);
    expect(ledger.next(0)?.path).toBe('a');
  });

  it('when the analyst keeps it for too long', () => {
    const ledger = reading();
    ledger.delivered('a', 'analyst 1', 5);
    ledger.overdue(5, 20);
    expect(ledger.next(20)).toBeUndefined();
    ledger.overdue(6, 20);
    expect(ledger.next(20)?.path).toBe('a');
  });
});

describe('when the archivist is gone', () => {
  it('everything it held is unkept, and what it had confirmed early counts no more', () => {
    const ledger = reading();
    ledger.sighted({ path: 'b', bytes: 10 }, 0);
    ledger.found(finding('a'), 1);
    ledger.confirmed(['a', 'b'], 1);
    ledger.archivistGone(2);
    ledger.found(finding('b'), 3);
    expect([ledger.kept, ledger.keptBytes]).toEqual([0, 0]);
    expect(ledger.unkept(2).map(({ path }) => path)).toEqual(['a']);
    expect(ledger.unkept(3).map(({ path }) => path)).toEqual(['a', 'b']);
    ledger.confirmed(['a', 'b'], 4);
    expect(ledger.complete).toBe(true);
  });
});

describe('a file that cannot be read', () => {
  it('is reported, and does not hold up the end', () => {
    const ledger = reading();
    ledger.sighted({ path: 'secret', bytes: 0, problem: 'EACCES' }, 0);
    ledger.unreadable('a', 'EIO', 0);
    expect(ledger.complete).toBe(true);
    expect(ledger.files).toBe(0);
    expect(ledger.problems).toEqual([
      { path: 'a', reason: 'EIO' },
      { path: 'secret', reason: 'EACCES' },
    ]);
  });

  it('is one no more when a finding of it comes after all', () => {
    const ledger = reading();
    ledger.unreadable('a', 'ENOENT', 0);
    ledger.found(finding('a'), 0);
    ledger.confirmed(['a'], 0);
    expect(ledger.problems).toEqual([]);
    expect([ledger.files, ledger.kept]).toEqual([1, 1]);
  });
});
