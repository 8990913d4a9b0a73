// Errors that nobody caught, of a plugin: thrown in a timer, or by a promise that nothing waits for. It decides by the files on the error's
// stack, else by whom the code that threw was called for, whether it is a plugin's, and logs it; what becomes of all others is up to whoever
// asks.

import { AsyncLocalStorage } from 'node:async_hooks';
import { realpathSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { PluginLog } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';

/** Treecast's own code, and the part of it that are its plugins. */
const ownCode = fileURLToPath(new URL('../..', import.meta.url));
const firstParty = fileURLToPath(new URL('../../first-party/', import.meta.url));

/** By a plugin's file, its name. */
const loaded = new Map<string, string>();
const calledFor = new AsyncLocalStorage<string>();
let running: PluginLog | undefined;

/** Calls a plugin: what comes of it, also later, is the plugin's. Stacks are not enough: those of `fetch` and of files are empty. */
export function asPlugin<T>(name: string, call: () => T): T {
  return calledFor.run(name, call);
}

/** From now on errors of `file`, or of what lies in its folder, are the plugin's. */
export function rememberPlugin(file: string, name: string): void {
  // Stacks name files by their real paths.
  loaded.set(realpathSync(file), name);
}

/** From now on this process runs plugins, and goes on when they throw; they are told of in this log. */
export function logErrorsOfPlugins(log: PluginLog): void {
  running = log;
}

/** False: it is no plugin's, or this process runs none; nothing was logged. */
export function logIfOfPlugin(error: unknown): boolean {
  const plugin = pluginOfError(error) ?? calledFor.getStore();
  if (plugin === undefined || running === undefined) return false;
  const stack = maskSecrets(error instanceof Error ? String(error.stack ?? error) : inspect(error));
  running.error({ plugin, stack }, `the plugin ${plugin} threw outside of its hooks`);
  return true;
}

/** The name of the plugin that is nearest to where the error arose. */
export function pluginOfError(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined;
  for (const path of pathsOf(error.stack)) {
    const name = loaded.get(path) ?? ofFolder(path);
    if (name !== undefined) return name;
  }
  return undefined;
}

function pathsOf(stack: string): string[] {
  const frames = stack.matchAll(/^ +at (?:.*?\()?(?:async )?(file:\/\/\/[^\n]*|\/[^\n]*):\d+:\d+\)?$/gm);
  return [...frames].flatMap(([, where = '']) => {
    if (!where.startsWith('file:')) return [where];
    // A message of several lines may look like a stack.
    const url = URL.parse(where);
    try {
      return url === null ? [] : [fileURLToPath(url)];
    } catch {
      return [];
    }
  });
}

/** Of several folders around the path the innermost counts. */
function ofFolder(path: string): string | undefined {
  if (path.startsWith(ownCode) && !path.startsWith(firstParty)) return undefined;
  let best: { readonly depth: number; readonly name: string } | undefined;
  for (const [file, name] of loaded) {
    const folder = dirname(file);
    const inside = relative(folder, path).split(sep);
    // A package below the folder may be Treecast's as well as the plugin's: only the plugin's own lines say who called it.
    if (inside[0] === '..' || inside.includes('node_modules')) continue;
    if (best === undefined || folder.length > best.depth) best = { depth: folder.length, name };
  }
  return best?.name;
}
