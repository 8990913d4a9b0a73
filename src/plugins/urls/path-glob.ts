// Globs over paths of a tree, as in a site's policies: `*` within a name, `**` over directories, names that begin with a dot included;
// a glob without `/` is compared with the last name alone.

import picomatch from 'picomatch';

/** A predicate for one glob or several (any of them). */
export function pathGlob(globs: string | readonly string[]): (path: string) => boolean {
  const matchers = [globs]
    .flat()
    .map((glob) => picomatch(glob, { dot: true, basename: !glob.includes('/') }));
  return (path) => matchers.some((matches) => matches(path));
}
