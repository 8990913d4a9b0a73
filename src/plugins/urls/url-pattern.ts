// The globs of `pathGlob` as one regular expression over URL paths (with the slash in front), for web servers: it reads the same in
// JavaScript and in PCRE. It decides nothing about quoting; whoever writes it into a file quotes it by that file's rules.

import picomatch from 'picomatch';

/** Matches `/<path>` exactly when `pathGlob(globs)` matches `<path>`. */
export function urlPattern(globs: string | readonly string[]): string {
  return `^/(?:${[globs].flat().map(pattern).join('|')})$`;
}

function pattern(glob: string): string {
  // Everything below a directory: the most usual, and short.
  const directory = /^([\w@-]+(?:\/[\w@-]+)*)\/\*\*$/.exec(glob)?.[1];
  if (directory !== undefined) return `${directory}(?:/.*)?`;
  const inNames = !glob.includes('/');
  const source = picomatch.makeRe(glob, { dot: true }).source.replace(/^\^/, '').replace(/\$$/, '');
  // Where picomatch says "at the beginning", a slash stands in front of it here.
  const anchored = source.replaceAll('(?:^|', inNames ? '(?:(?<=/)|' : '(?:(?<=^/)|');
  // The same set many times over, as for hashes, is counted.
  const short = anchored.replaceAll(
    /(\[[^\]^]+\])\1+/g,
    (run: string, set: string) => `${set}{${run.length / set.length}}`,
  );
  return inNames ? `(?:.*/)?${short}` : short;
}
