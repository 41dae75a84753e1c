import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { SurveyResult } from '../../examples/survey/src/orchestrator.ts';

const MAIN = path.resolve(import.meta.dirname, '../../examples/survey/dist/main.js');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningSurvey {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the match as soon as the output has one; rejects when the program ends without. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts the program as a person would. */
export function startSurvey(args: readonly string[], env: NodeJS.ProcessEnv = {}): RunningSurvey {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    ended: once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr })),
    kill: (signal) => child.kill(signal),
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout);
          if (match === null) return;
          child.stdout.off('data', look);
          resolve(match);
        };
        child.stdout.on('data', look);
        child.once('close', () => reject(new Error(`ended without printing ${pattern}: ${stdout}${stderr}`)));
        look();
      }),
  };
}

/** Runs a survey to its end. @throws Error with what the program said when it failed */
export async function surveyOf(tree: string, ...args: string[]): Promise<SurveyResult> {
  const { code, stdout, stderr } = await startSurvey([tree, '--json', ...args]).ended;
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as SurveyResult;
}
