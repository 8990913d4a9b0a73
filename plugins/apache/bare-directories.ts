// What `/docs` answers where `docs` is a directory: mod_dir's own way is a redirect to `/docs/`. Directives that could serve its index
// there, or let the tree do it, are looked for; where there is one, the index is assumed. Pure.

import type { UrlMap } from 'treecast/plugin';
import type { Directive } from './read-directives.ts';

const flagsOfNoFile = /(?:^|,)(?:R|redirect|F|forbidden|G|gone)(?:=[^,]*)?(?:,|$)/i;

export interface AboutDirectories {
  /** Of the virtual hosts that serve the site, and of our own file; sections are opened. */
  readonly serving: readonly Directive[];
  /** Our own file's: its rules name files of the tree one by one. */
  readonly own: readonly Directive[];
  readonly everywhere: readonly Directive[];
}

export function bareDirectories({
  serving,
  own,
  everywhere,
}: AboutDirectories): UrlMap['directoryWithoutSlash'] {
  const ours = new Set(own.filter(({ name }) => name === 'rewriterule').map(text));
  const serves =
    everywhere.some(({ name, args }) => name === 'directoryslash' && args[0]?.toLowerCase() !== 'on') ||
    serving.some((one) => mayServeIndex(one) && !ours.has(text(one)));
  return serves ? true : 'redirect';
}

function mayServeIndex({ name, args }: Directive): boolean {
  if (name === 'aliasmatch') return true;
  // In .htaccess DirectorySlash is of the class Indexes, and rules of FileInfo; what the tree brings is not read here.
  if (name === 'allowoverride' || name === 'allowoverridelist') return args[0]?.toLowerCase() !== 'none';
  return (
    name === 'rewriterule' && args[1] !== '-' && !flagsOfNoFile.test((args[2] ?? '').replace(/^\[|\]$/g, ''))
  );
}

function text({ name, args }: Directive): string {
  return JSON.stringify([name, args]);
}
