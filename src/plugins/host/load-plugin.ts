// Finds a plugin by what the configuration calls it, and imports it. Throws PLUGIN_INVALID: what is missing or wrong, and where it was looked for.

import './resolve-api.ts';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { nearestWord } from '../../model/nearest-word.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { isPluginDefinition, type PluginDefinition } from '../api/define-plugin.ts';
import { maskSecrets } from '../api/secret.ts';
import { importErrorLocation } from './error-location.ts';
import { rememberPlugin } from './plugin-of-error.ts';

const isSource = import.meta.url.endsWith('.ts');
const root = fileURLToPath(new URL('../../..', import.meta.url));
const firstPartyDirectory = isSource ? join(root, 'plugins') : join(root, 'dist', 'first-party');

/** Plugins that come with Treecast. */
export const firstPartyPlugins = [
  'apache',
  'cache-purge',
  'config-file',
  'loadbalancer',
  'nginx',
  'notify',
  'php-fpm',
  'probe',
  'program',
  'search-index',
  'ssh-target',
] as const;

/** `base` is the directory that relative paths and installed packages are looked for from. */
export async function loadPlugin(use: string, base: string): Promise<PluginDefinition> {
  const file = locate(use, base);
  let exported: Record<string, unknown>;
  try {
    // Its name is known once it is there; it may throw before.
    rememberPlugin(file, use);
    exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const at = importErrorLocation(cause, file);
    const why = maskSecrets(cause instanceof Error ? cause.message : String(cause));
    throw invalid(
      `the plugin ${use} (${file}) cannot be loaded: ${why}${at === undefined ? '' : ` (at ${at})`}`,
      'Mend the plugin, or take it out of the configuration.',
      cause,
    );
  }
  const found = Object.values(exported).filter(isPluginDefinition);
  const [definition] = found;
  if (definition !== undefined && found.length === 1) {
    rememberPlugin(file, definition.name);
    return definition;
  }
  throw invalid(
    `the module ${file} exports ${found.length === 0 ? 'no plugin' : `${found.length} plugins`}`,
    'Export exactly one value made by definePlugin.',
  );
}

function locate(use: string, base: string): string {
  if (use.startsWith('.') || isAbsolute(use)) {
    const path = resolve(base, use);
    if (existsSync(path)) return entryOf(path) ?? path;
    throw invalid(
      `there is no plugin at ${path}`,
      'Correct `use`: a relative path counts from the directory of the configuration.',
    );
  }
  if ((firstPartyPlugins as readonly string[]).includes(use)) {
    const path = join(firstPartyDirectory, use, `index.${isSource ? 'ts' : 'js'}`);
    if (existsSync(path)) return path;
    throw invalid(`the plugin ${use} is missing from this installation (${path})`, 'Install Treecast again.');
  }
  for (const directory of [base, root]) {
    try {
      return createRequire(join(directory, 'plugins.cjs')).resolve(use);
    } catch {
      // Looked for in the next place.
    }
  }
  const near = nearestWord(use, firstPartyPlugins);
  throw invalid(
    `there is no plugin ${use}`,
    `${near === undefined ? '' : `Did you mean ${near}? `}Plugins that come with Treecast: ${firstPartyPlugins.join(', ')}. A package is installed with \`npm install ${use}\` in ${base}; a file is named by its path, beginning with . or /.`,
  );
}

/** A directory means its package's entry. */
function entryOf(path: string): string | undefined {
  if (/\.[cm]?[jt]s$/.test(path)) return path;
  try {
    return createRequire(join(path, 'plugins.cjs')).resolve(path);
  } catch {
    return ['index.ts', 'index.js', 'index.mjs']
      .map((name) => join(path, name))
      .find((file) => existsSync(file));
  }
}

function invalid(message: string, fix: string, cause?: unknown): TreecastError {
  return new TreecastError('PLUGIN_INVALID', message, { fix, ...(cause === undefined ? {} : { cause }) });
}
