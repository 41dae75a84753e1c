import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { BusError, ERROR_CODES, fromSystemError, isBusError } from '../../src/contract/errors.ts';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const documented = readFileSync(path.join(repository, 'docs/errors.md'), 'utf8');

/** The sources of every package, without the list of codes itself. */
const sources = readdirSync(path.join(repository, 'packages'))
  .flatMap((name) => {
    const folder = path.join(repository, 'packages', name, 'src');
    try {
      return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file));
    } catch {
      return [];
    }
  })
  .filter((file) => file.endsWith('.ts') && !file.endsWith(path.join('contract', 'errors.ts')))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

describe('codes', () => {
  test('are sorted and unique', () => {
    expect([...new Set(ERROR_CODES)].sort()).toEqual([...ERROR_CODES]);
  });

  test('have a section each in docs/errors.md, and no other has', () => {
    const sections = [...documented.matchAll(/^### ([A-Z_]+)$/gm)].map(([, code]) => code);
    expect(sections.toSorted()).toEqual([...ERROR_CODES]);
  });

  test('are all used', () => {
    const unused = ERROR_CODES.filter((code) => !sources.some(({ text }) => text.includes(`'${code}'`)));
    expect(unused).toEqual([]);
  });

  test('that are thrown are all known', () => {
    const thrown = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/new BusError\(\s*'([^']*)'/g)].map(([, code]) => ({ file: path.basename(file), code })),
    );
    expect(thrown.length).toBeGreaterThan(50);
    expect(thrown.filter(({ code }) => !(ERROR_CODES as readonly string[]).includes(code))).toEqual([]);
  });
});

describe('BusError', () => {
  test('tells code, what, where and remedy in its message, and each by itself', () => {
    const cause = new Error('below');
    const error = new BusError('PEER_GONE', 'reader is gone', {
      where: 'request a.b',
      remedy: 'ask again',
      outcome: 'unknown',
      data: { n: 1 },
      cause,
    });
    expect(error.message).toBe('PEER_GONE: reader is gone (at request a.b) - ask again');
    expect(error).toMatchObject({
      name: 'BusError',
      code: 'PEER_GONE',
      where: 'request a.b',
      remedy: 'ask again',
      outcome: 'unknown',
      data: { n: 1 },
      cause,
    });
    expect(error).toBeInstanceOf(Error);
  });

  test('has no cause unless there is one', () => {
    const error = new BusError('CLOSED', 'the bus is closed');
    expect(error.message).toBe('CLOSED: the bus is closed');
    expect('cause' in error).toBe(false);
  });

  test('is known as one, also from another copy of the package', () => {
    expect(isBusError(new BusError('CLOSED', ''))).toBe(true);
    expect(isBusError(Object.assign(new Error(''), { name: 'BusError', code: 'CLOSED' }))).toBe(true);
    for (const other of [new Error('CLOSED'), { name: 'BusError', code: 'CLOSED' }, null, undefined, 'BusError'])
      expect(isBusError(other)).toBe(false);
  });
});

describe('fromSystemError', () => {
  test.each(['EMFILE', 'ENFILE', 'ENOSPC', 'EFBIG', 'ENOMEM'])('%s is RESOURCE_EXHAUSTED with a remedy', (code) => {
    const cause = Object.assign(new Error('no more'), { code });
    const error = fromSystemError(cause, 'opening', '/somewhere');
    expect(error).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      where: '/somewhere',
      remedy: expect.any(String),
      cause,
    });
    expect(error.message).toContain('opening: no more');
  });

  test('anything else is TRANSPORT_FAILED, whatever was thrown', () => {
    for (const cause of [Object.assign(new Error('x'), { code: 'EPIPE' }), new Error('x'), 'x', undefined, null]) {
      const error = fromSystemError(cause, 'writing');
      expect([error.code, error.cause]).toEqual(['TRANSPORT_FAILED', cause]);
    }
  });

  test('a BusError passes unchanged', () => {
    const error = new BusError('PEER_GONE', 'gone');
    expect(fromSystemError(error, 'writing')).toBe(error);
  });
});
