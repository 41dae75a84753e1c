import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** How one program ended, and what it had printed. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program run as a person runs it, with nothing in its environment that points elsewhere. */
export class Program implements Disposable {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';

  constructor(command: string, args: readonly string[], options: { cwd: string; runtimeDirectory: string }) {
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, NODE_OPTIONS: undefined, VITEST: undefined, BUSBAR_DIR: options.runtimeDirectory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Resolves when it has printed `text`; rejects when it ends without. */
  async printed(text: string): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#stdout.includes(text)) resolve();
      };
      this.#child.stdout?.on('data', look);
      look();
    });
    const ended = this.ended.then((ending) => {
      throw new Error(`it ended without printing ${JSON.stringify(text)}: ${JSON.stringify(ending)}`);
    });
    await Promise.race([seen, ended]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

/** A folder that is gone when the test ends. */
export class Scratch implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'bb-'));

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
