import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ROOT } from './paths.mjs';

const SIGNALS = constants.signals;

/**
 * Runs a command to its end and answers its exit code (128 + n for a signal).
 * Signals that end us are passed on, so that no child outlives its command.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
    const pass = (signal) => child.kill(signal);
    const stop = () => {
      process.off('SIGTERM', pass);
      process.off('SIGINT', ignore);
    };
    // A terminal sends SIGINT to the whole group: the child decides, we wait for it.
    const ignore = () => {};
    process.on('SIGTERM', pass);
    process.on('SIGINT', ignore);
    child.once('error', (error) => {
      stop();
      reject(error);
    });
    child.once('close', (code, signal) => {
      stop();
      resolve(signal ? 128 + SIGNALS[signal] : code);
    });
  });
}

/** Runs a command quietly and answers its exit code with all it printed. */
export async function capture(command, args, options = {}) {
  const output = [];
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(signal ? 128 + SIGNALS[signal] : exit));
  });
  return { code, output: Buffer.concat(output).toString() };
}
