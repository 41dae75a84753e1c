import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TransportCapabilities } from '@busbar/core/contract';
import { loadPlugin, type PluginReference } from '../peer/plugin-reference.ts';

export interface TargetOptions {
  /** The published name of the package, or another specifier, as an importing module would write it. */
  readonly plugin: string;
  /** The name of the export: a factory of a `TransportPlugin`, or one itself. */
  readonly export: string;
  /** `import.meta.url` of the test file; the specifier is resolved from there, through the exports map. */
  readonly from: string;
  /** What the factory is called with. Must survive structured cloning. */
  readonly options?: unknown;
}

/** A plugin under test. */
export interface Target {
  readonly name: string;
  readonly plugin: PluginReference;
  readonly capabilities: TransportCapabilities;
}

/** Finds and loads the plugin. @throws Error when the package does not resolve or lacks the export */
export async function resolveTarget(options: TargetOptions): Promise<Target> {
  const reference: PluginReference = {
    url: await resolveFrom(options.plugin, options.from),
    export: options.export,
    ...(options.options === undefined ? {} : { options: options.options }),
  };
  const plugin = await loadPlugin(reference);
  return {
    name: plugin.name,
    plugin: reference,
    capabilities: plugin.capabilities,
  };
}

/**
 * The URL that `import` gives `specifier` in a module beside `from`. Asked of a fresh Node there, since a test runner
 * resolves by rules of its own.
 */
async function resolveFrom(specifier: string, from: string): Promise<string> {
  const script = `process.stdout.write(import.meta.resolve(${JSON.stringify(specifier)}))`;
  const cwd = path.dirname(fileURLToPath(from));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd });
  return stdout;
}
