// The first half of a plugin's life, for all of them: found, placed, its configuration decoded, its programs looked for. Starts nothing, so
// that a configuration can be checked without its servers.

import { TreecastError } from '../../model/treecast-error.ts';
import type { PluginDefinition } from '../api/define-plugin.ts';
import type { PluginPlace } from '../api/hook-table.ts';
import { PluginError } from '../api/plugin-error.ts';
import { maskSecrets } from '../api/secret.ts';
import { errorLocation } from './error-location.ts';
import { isProgramThere } from './find-program.ts';
import { innermostIssues } from './innermost-issues.ts';
import { loadPlugin } from './load-plugin.ts';
import type { PluginEntry } from './plugin-entry.ts';

export interface EntriesToDecode {
  readonly entries: readonly PluginEntry[];
  readonly place: PluginPlace;
  /** What relative paths and packages are looked for from: the directory of the configuration. */
  readonly base: string;
  readonly load?: (use: string, base: string) => Promise<PluginDefinition>;
}

export interface DecodedEntry {
  /** The instance's name. */
  readonly name: string;
  readonly entry: PluginEntry;
  readonly definition: PluginDefinition;
  readonly config: unknown;
}

/** No dot: in a command it stands between the plugin's name and the command's. */
const pluginNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

/** Every problem of every entry, one line each. */
export async function decodeEntries({
  entries,
  place,
  base,
  load = loadPlugin,
}: EntriesToDecode): Promise<{ readonly decoded: DecodedEntry[]; readonly problems: string[] }> {
  const decoded: DecodedEntry[] = [];
  const problems: string[] = [];
  const taken = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const tell = (name: string, text: string) => problems.push(`plugins[${index}] ${name}: ${text}`);
    try {
      const definition = await load(entry.use, base);
      if (!pluginNamePattern.test(definition.name)) {
        tell(
          entry.name ?? entry.use,
          `its plugin calls itself ${JSON.stringify(definition.name)}, which is no name: lower-case letters, digits and dashes`,
        );
        continue;
      }
      const name = entry.name ?? definition.name;
      if (taken.has(name)) {
        tell(name, 'two plugins have this name; give one of them a `name`');
        continue;
      }
      taken.add(name);
      if (!definition.places.includes(place)) {
        tell(name, `runs on ${definition.places.join(' and ')}, not on this ${place}`);
        continue;
      }
      const parsed = definition.configSchema.safeParse(entry.config);
      if (!parsed.success) {
        for (const { path, message } of innermostIssues(parsed.error.issues))
          tell(name, `${['config', ...path].join('.')}: ${maskSecrets(message)}`);
        continue;
      }
      const config = parsed.data;
      const { programs = [] } = definition;
      const missing = (typeof programs === 'function' ? programs(config) : programs).filter(
        (each) => !isProgramThere(each),
      );
      for (const program of missing) tell(name, `the program ${program} is not installed here`);
      if (missing.length === 0) decoded.push({ name, entry, definition, config });
    } catch (error) {
      tell(entry.name ?? entry.use, problemText(error));
    }
  }
  return { decoded, problems };
}

/** For `config check`. Throws PLUGIN_INVALID. */
export async function checkEntries(options: EntriesToDecode): Promise<void> {
  const { problems } = await decodeEntries(options);
  if (problems.length > 0) throw pluginsInvalid(problems);
}

export function pluginsInvalid(problems: readonly string[]): TreecastError {
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new TreecastError(
    'PLUGIN_INVALID',
    [`The plugins have ${count}:`, ...problems.map((line) => `  ${line}`)].join('\n'),
    { fix: 'Correct `plugins` in the configuration; nothing was started.', data: { problems } },
  );
}

export function problemText(error: unknown): string {
  const message = maskSecrets(error instanceof Error ? error.message : String(error));
  if (error instanceof PluginError || error instanceof TreecastError)
    return error.fix === undefined ? message : `${message}. ${maskSecrets(error.fix)}`;
  // Whoever wrote the plugin needs to know where.
  const at = errorLocation(error);
  return at === undefined ? message : `${message} (at ${at})`;
}
