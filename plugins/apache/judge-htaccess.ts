// .htaccess files of a staged tree: Apache reads them only when a request comes, and answers 500 when one is broken. So they are judged
// before the switch: by what Apache lists as permitted there, then by its test, in its own configuration but out of the way of the running
// server. The test alone is too lenient: it reads them as sections of the server's configuration.

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BeforeSwitchEvent, PluginError, readTreeFile } from 'treecast/plugin';
import { type ApacheConfig, allowedClasses } from './apache-config.ts';
import type { ApacheProgram } from './apache-program.ts';
import { htaccessObstacle } from './htaccess-directives.ts';
import { quoteArgument as quote, quotePath } from './quote-argument.ts';
import { type Directive, readDirectives } from './read-directives.ts';

const name = '.htaccess';
const [bytesMax, filesMax, namesMax] = [262_144, 10_000, 2_000_000];

interface Found {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A note, or null when there are none. Throws when one of them would fail. */
export async function judgeHtaccess(
  event: BeforeSwitchEvent,
  {
    config,
    apache,
    stateDirectory,
  }: {
    readonly config: ApacheConfig;
    readonly apache: ApacheProgram;
    readonly stateDirectory: string;
  },
  signal: AbortSignal,
): Promise<string | null> {
  const paths = await htaccessPaths(event);
  if (paths.length === 0) return null;
  const allowed = allowedClasses(config);
  if (allowed.length === 0) return `${paths.length} .htaccess not used (allowOverride: None)`;
  if (paths.length > filesMax)
    throw refused(`the release has ${paths.length} .htaccess files; ${filesMax} are the limit`);
  // Asked each time: the operator may have loaded other modules since.
  const permits = await apache.permits(signal);
  const found: Found[] = [];
  for (const path of paths) {
    const bytes = await readTreeFile(event.to.directory, path, bytesMax + 1);
    if (bytes === null) continue;
    if (bytes.length > bytesMax) throw refused(`${path} has more than ${bytesMax} bytes`);
    for (const directive of everyDirective(readDirectives(bytes))) {
      const obstacle = htaccessObstacle(directive, { allowed, permits });
      if (obstacle !== null)
        throw refused(`line ${directive.line} of ${path}: ${directive.name} ${obstacle}`);
    }
    found.push({ path, bytes });
  }
  await askApache(found, { apache, directory: join(stateDirectory, `htaccess-${event.site}`) }, signal);
  return `${found.length} .htaccess tested`;
}

/** Copies lie in the state directory under numbers: no name of the tree gets into Apache's configuration. */
async function askApache(
  found: readonly Found[],
  { apache, directory }: { readonly apache: ApacheProgram; readonly directory: string },
  signal: AbortSignal,
): Promise<void> {
  const copyOf = (index: number): string => join(directory, `${index}.htaccess`);
  try {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o700 });
    const lines: string[] = [];
    for (const [index, { bytes }] of found.entries()) {
      // A comment of its own at the end: a backslash there may not reach the next line.
      await writeFile(copyOf(index), bytes, { mode: 0o600 });
      lines.push(
        `<Directory ${quote(`/treecast/${index}`)}>`,
        `Include ${quotePath(copyOf(index))}`,
        '</Directory>',
      );
    }
    const check = join(directory, 'check.conf');
    await writeFile(check, `${lines.join('\n')}\n`, { mode: 0o600 });
    await apache.test(signal, ['-c', `Include ${quotePath(check)}`]);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const index = found.findIndex((_, at) => message.includes(`${copyOf(at)}:`));
    if (index === -1) throw cause;
    const { path } = found[index] as Found;
    const text = message.replace(/^Apache refuses its configuration: /, '').replaceAll(copyOf(index), path);
    throw refused(text.slice(Math.max(0, text.lastIndexOf('Syntax error'))), cause);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function htaccessPaths({ to, changes }: BeforeSwitchEvent): Promise<string[]> {
  const known = await changes();
  const paths =
    known === null
      ? (await readdir(to.directory, { recursive: true })).slice(0, namesMax)
      : known.flatMap(({ path, after }) => (after === null ? [] : [path]));
  return paths.filter((path) => path === name || path.endsWith(`/${name}`)).sort();
}

function everyDirective(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((one) => (one.block === null ? [one] : [one, ...everyDirective(one.block)]));
}

function refused(what: string, cause?: unknown): PluginError {
  return new PluginError(`Apache would refuse requests: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
    fix: 'Correct the file in the repository and push again.',
    retryable: false,
  });
}
