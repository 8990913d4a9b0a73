// What Apache itself lists (`-L`) about the directives of its loaded modules: whether one may stand in a .htaccess file, and by which
// classes of AllowOverride. It says nothing about arguments, and nothing about directives that Apache does not list.

import { type OverrideClass, overrideClasses } from './apache-config.ts';

/** By lower case name, of a section with `<` before it: the classes that each permit it; none when it may not stand in .htaccess files. */
export type DirectivePermits = ReadonlyMap<string, readonly OverrideClass[]>;

export function readDirectivePermits(listing: string): DirectivePermits {
  const permits = new Map<string, readonly OverrideClass[]>();
  for (const entry of listing.split(/^(?=<?\w+ \([^\s()]+\)\r?$)/m)) {
    const name = /^<?\w+(?= \()/.exec(entry)?.[0].toLowerCase();
    const allowed = /^\s+Allowed in \*\.conf .*/m.exec(entry);
    if (name === undefined || allowed === null) continue;
    const found = / in \.htaccess\b/.test(allowed[0])
      ? classesOf(entry.slice(allowed.index + allowed[0].length))
      : [];
    // When two modules have a directive, both have to permit it.
    permits.set(name, permits.get(name)?.filter((one) => found.includes(one)) ?? found);
  }
  return permits;
}

function classesOf(condition: string): readonly OverrideClass[] {
  const named = /^\s+when AllowOverride includes (.*)$/m
    .exec(condition)?.[1]
    ?.trim()
    .split(/\W+or\W+|\W+/);
  return named === undefined ? overrideClasses : overrideClasses.filter((one) => named.includes(one));
}
