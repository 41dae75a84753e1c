import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { allocateFile, available, mapFile } from '../src/index.ts';
import { descriptors } from './resources.ts';

let path: string;
let fd: number;

beforeAll(async () => {
  expect(await available()).toEqual({ available: true });
});

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'native-'));
  path = join(folder, 'file');
  fd = openSync(path, 'w+');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
});

test('what is stored through one mapping is in the file, and in every other', () => {
  allocateFile(fd, 8192, path);
  expect(statSync(path)).toMatchObject({ size: 8192 });
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(8192);
  const written = mapFile(fd, 8192, 'read-write', path);
  const read = mapFile(fd, 8192, 'read', path);
  expect(new Uint8Array(read.buffer)).toEqual(new Uint8Array(8192));
  new Uint8Array(written.buffer).fill(7, 4000, 5000);
  expect(new Uint8Array(read.buffer)).toEqual(new Uint8Array(readFileSync(path)));
  expect(new Uint8Array(read.buffer)[4999]).toBe(7);
  Atomics.store(new Int32Array(written.buffer), 0, -1);
  expect(Atomics.load(new Int32Array(read.buffer), 0)).toBe(-1);
  for (const mapping of [written, read]) mapping.close();
});

test('allotting more keeps what is there', () => {
  writeFileSync(path, 'kept');
  allocateFile(fd, 4096, path);
  expect(readFileSync(path, 'latin1')).toBe('kept'.padEnd(4096, '\0'));
});

test('closed, it reads zeros and writes to nobody', () => {
  allocateFile(fd, 4096, path);
  const mapping = mapFile(fd, 4096, 'read-write', path);
  const mapped = (): number =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .filter((l) => l.includes(path)).length;
  const bytes = new Uint8Array(mapping.buffer);
  bytes[0] = 1;
  expect(mapped()).toBe(1);
  const before = descriptors();
  mapping.close();
  mapping.close();
  expect([mapped(), bytes[0], descriptors()]).toEqual([0, 0, before]);
  bytes[0] = 2;
  expect(readFileSync(path)[0]).toBe(1);
});

test('what is not in the file is not mapped: its use would be SIGBUS', () => {
  allocateFile(fd, 8192, path);
  truncateSync(path, 4097);
  expect(() => mapFile(fd, 8192, 'read', path)).toThrow(
    expect.objectContaining({ code: 'TRANSPORT_FAILED', where: path }),
  );
  for (const bytes of [0, -4096, 4095, 1.5, Number.NaN, 2 ** 33])
    expect(() => mapFile(fd, bytes, 'read', path)).toThrow(expect.objectContaining({ code: 'MISUSE' }));
});

test('a store into what is mapped for reading ends the process: nobody writes by mistake', () => {
  allocateFile(fd, 4096, path);
  const program = `
    const { available, mapFile } = await import(process.argv[1]);
    const { openSync } = await import('node:fs');
    await available();
    const bytes = new Uint8Array(mapFile(openSync(process.argv[2]), 4096, 'read', 'x').buffer);
    console.log(bytes[0]);
    bytes[0] = 1;
  `;
  const entry = new URL('../dist/index.js', import.meta.url).href;
  expect(() =>
    execFileSync(process.execPath, ['--input-type=module', '-e', program, entry, path], { stdio: 'pipe' }),
  ).toThrow(expect.objectContaining({ signal: 'SIGSEGV', stdout: Buffer.from('0\n') }));
  expect(readFileSync(path)[0]).toBe(0);
});
