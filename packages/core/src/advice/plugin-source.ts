import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { BusError, type TransportPlugin } from '../contract/index.ts';

/** Where another process finds a plugin. */
export interface PluginSource {
  /** A package, a relative path, or a `file:` URL as `import.meta.resolve()` gives it. */
  readonly module: string;
  /** The factory, or the plugin itself. Default: the one function that the module exports. */
  readonly export?: string | undefined;
  /** What the factory is called with; JSON. */
  readonly options?: unknown;
}

/**
 * Imports the module and makes the plugin. `from`: the URL of the file that would import it.
 * @throws BusError INVALID_OPTION: there is no such module or export, or it is no plugin
 */
export async function loadPlugin(source: PluginSource, from: string | undefined): Promise<TransportPlugin> {
  const { module: name, export: wanted, options } = source;
  let exported: Record<string, unknown>;
  try {
    exported = await import(urlOf(name, from));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw refusal(
      name,
      `it cannot be imported: ${reason}`,
      'install it beside the module given as from, or give a URL',
      cause,
    );
  }
  const made = wanted === undefined ? onlyFunctionOf(exported) : exported[wanted];
  if (made === undefined) {
    const names = Object.keys(exported).join(', ') || 'nothing';
    throw refusal(name, `which export is the plugin? it has ${names}`, 'name one: { module, export }');
  }
  const plugin = typeof made === 'function' ? made(options) : made;
  if (!isPlugin(plugin))
    throw refusal(name, 'what it makes is no transport plugin', 'name its factory: { module, export }');
  return plugin;
}

/** By the rules of `require`, the only ones that can be asked for on behalf of another file. */
function urlOf(name: string, from: string | undefined): string {
  if (name.startsWith('file:') || from === undefined) return name;
  return pathToFileURL(createRequire(from).resolve(name)).href;
}

function onlyFunctionOf(exported: Record<string, unknown>): unknown {
  const functions = Object.values(exported).filter((value) => typeof value === 'function');
  return functions.length === 1 ? functions[0] : undefined;
}

function isPlugin(value: unknown): value is TransportPlugin {
  const { name, capabilities, probe, create } = (value ?? {}) as Partial<Record<keyof TransportPlugin, unknown>>;
  return (
    typeof name === 'string' &&
    typeof capabilities === 'object' &&
    typeof probe === 'function' &&
    typeof create === 'function'
  );
}

function refusal(module: string, what: string, remedy: string, cause?: unknown): BusError {
  return new BusError('INVALID_OPTION', what, { where: module, remedy, cause });
}
