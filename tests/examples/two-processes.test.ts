import path from 'node:path';
import { expect, test } from 'vitest';
import { Program, Scratch } from './program.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const program = (name: string, { folder }: Scratch): Program =>
  new Program('node', [`examples/two-processes/dist/${name}.js`], { cwd: ROOT, runtimeDirectory: folder });

test('the asker hears the log and gets its answers; the reviewer ends in order on Ctrl+C', async () => {
  using scratch = new Scratch();
  using reviewer = program('reviewer', scratch);
  await reviewer.printed('ready');
  using asker = program('asker', scratch);
  expect(await asker.ended).toEqual({
    code: 0,
    signal: null,
    stderr: '',
    stdout: `  reviewer over uds: reviewing 11 characters for asker
+ return 42: approved, nothing is missing
  reviewer over uds: reviewing 24 characters for asker
+ // TODO: handle errors: rejected, it leaves something to do
`,
  });
  reviewer.signal('SIGINT');
  expect(await reviewer.ended).toMatchObject({ code: null, signal: 'SIGINT', stderr: '' });
});

test('without a reviewer the asker fails at once and says what to do', async () => {
  using scratch = new Scratch();
  using asker = program('asker', scratch);
  const { code, stdout, stderr } = await asker.ended;
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toContain('NO_RESPONDERS: nobody serves agent.review');
  expect(stderr).toContain('start a participant that serves it');
});

test('of two reviewers one may leave: the other answers', async () => {
  using scratch = new Scratch();
  using first = program('reviewer', scratch);
  using second = program('reviewer', scratch);
  await Promise.all([first.printed('ready'), second.printed('ready')]);
  first.signal('SIGINT');
  await first.ended;
  using asker = program('asker', scratch);
  expect(await asker.ended).toMatchObject({ code: 0, stderr: '' });
});
