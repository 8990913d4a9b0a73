// Where in a plugin an error arose, such as `index.ts:12`: for errors that say no more than "boom". It tells no directories and no text
// of the stack.

import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Treecast's own code, and the part of it that are its plugins. */
const ownCode = new URL('../..', import.meta.url).href;
const firstParty = new URL('../../first-party/', import.meta.url).href;

/** The first line of the stack that is the plugin's; undefined when none is. */
export function errorLocation(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const frames = [...error.stack.matchAll(/^ +at .*?(file:\/\/[^\n]*):(\d+):\d+\)?$/gm)]
    .map(([, url = '', line = '']) => ({ url, line }))
    .filter(({ url }) => !url.startsWith(ownCode) || url.startsWith(firstParty));
  // A package that the plugin calls may have thrown: its author looks for his own line.
  const frame = frames.find(({ url }) => !url.includes('/node_modules/')) ?? frames[0];
  return frame && `${nameOf(frame.url)}:${frame.line}`;
}

/** Of an error met while `file` was imported: Node writes where it is in front of a SyntaxError's stack, for TypeScript alone. */
export function importErrorLocation(error: unknown, file: string): string | undefined {
  if (!(error instanceof SyntaxError)) return errorLocation(error);
  return atStart(error.stack ?? '') ?? atStart(checked(file));
}

function atStart(text: string): string | undefined {
  const [, where, line] = /^((?:file:\/)?\/[^\n]+):(\d+)\n/.exec(text) ?? [];
  return where === undefined ? undefined : `${nameOf(where)}:${line}`;
}

function checked(file: string): string {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', timeout: 10_000 });
  return stderr ?? '';
}

function nameOf(where: string): string {
  return basename(fileURLToPath(where.startsWith('file:') ? where : pathToFileURL(where).href));
}
