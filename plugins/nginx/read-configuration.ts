// What nginx is configured with, as on disk: files with their includes in place, within bounds. Reads only; a file that cannot be read,
// or not to its end, gives what it could.

import { constants } from 'node:fs';
import { glob, open } from 'node:fs/promises';
import { besideMain } from './nginx-program.ts';
import { type Directive, readDirectives } from './read-directives.ts';

const depthMax = 10;
const filesMax = 2_000;
const fileBytesMax = 1_048_576;
const bytesMax = 32 * 1_048_576;

export interface ConfigurationFiles {
  readonly mainConfiguration: string;
  /** Read instead of the main configuration. */
  readonly globs?: readonly string[] | undefined;
}

export interface ConfigurationRead {
  /** `include`s are replaced by what they name. */
  readonly directives: Directive[];
  /** The files, by the names that includes have for them. */
  readonly paths: ReadonlySet<string>;
  /** False when something could not be read, or not to its end: there may be more. */
  readonly isWhole: boolean;
}

export async function readConfiguration({
  mainConfiguration,
  globs,
}: ConfigurationFiles): Promise<ConfigurationRead> {
  const left = { files: filesMax, bytes: bytesMax };
  const paths = new Set<string>();
  let isWhole = true;

  async function read(path: string, depth: number): Promise<Directive[]> {
    const text = depth > depthMax || left.files <= 0 || left.bytes <= 0 ? null : await readText(path);
    if (text === null) {
      isWhole = false;
      return [];
    }
    paths.add(path);
    left.files -= 1;
    left.bytes -= text.length;
    const { directives, problem } = readDirectives(text);
    if (problem) isWhole = false;
    return expand(directives, depth);
  }

  async function expand(directives: readonly Directive[], depth: number): Promise<Directive[]> {
    const found: Directive[] = [];
    for (const directive of directives) {
      const { name, args, block } = directive;
      if (name === 'include' && args[0] !== undefined)
        for (const path of await filesOf(besideMain(mainConfiguration, args[0])))
          found.push(...(await read(path, depth + 1)));
      else found.push(block ? { ...directive, block: await expand(block, depth) } : directive);
    }
    return found;
  }

  const found: Directive[] = [];
  for (const pattern of globs ?? [mainConfiguration])
    for (const path of await filesOf(pattern)) found.push(...(await read(path, 0)));
  return { directives: found, paths, isWhole };
}

/** In the order nginx has them. */
async function filesOf(pattern: string): Promise<string[]> {
  if (!/[*?[]/.test(pattern)) return [pattern];
  const found: string[] = [];
  try {
    for await (const path of glob(pattern)) if (found.push(path) >= filesMax) break;
  } catch {
    // A directory that may not be read has no files for us.
  }
  return found.sort();
}

/** One character for a byte: names and paths that matter here are read alike. Null when it cannot be read. */
async function readText(path: string): Promise<string | null> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > fileBytesMax) return null;
      return (await file.readFile()).toString('latin1');
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
