// How precompressed twins are named: the file's name and a suffix. Pure; whether such a name is a twin or the author's own file is
// told by the tree and the records, not by the name.

import { twinSuffixes } from '../../plugins/api/hooks.ts';

const nameBytesMax = 255;

/** The file that something of this name would be a twin of; undefined when the name is no twin's. */
export function fileOfTwin(name: string): string | undefined {
  const suffix = twinSuffixes.find((candidate) => name.endsWith(candidate));
  return suffix === undefined || suffix.length === name.length ? undefined : name.slice(0, -suffix.length);
}

/** What the twins of a path are called, whether or not there are any; names that are too long for a file are left out. */
export function twinNamesOf(path: string): string[] {
  return twinSuffixes.map((suffix) => path + suffix).filter(isNameShortEnough);
}

export function isNameShortEnough(path: string): boolean {
  return Buffer.byteLength(path.slice(path.lastIndexOf('/') + 1)) <= nameBytesMax;
}

/** The paths and their twins' (STG-22). */
export function withTwinNames(paths: Iterable<string>): Set<string> {
  const all = new Set<string>();
  for (const path of paths) {
    all.add(path);
    for (const twin of twinNamesOf(path)) all.add(twin);
  }
  return all;
}
