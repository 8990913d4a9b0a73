// The server blocks of a configuration, and which of them serve a site's live link, at which prefix. What URLs follow is url-map-of.ts.

import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SiteOnNode } from 'treecast/plugin';
import { type Directive, directivesNamed } from './read-directives.ts';

export interface VirtualHost {
  readonly block: readonly Directive[];
  /** Directives around it that count unless it has its own (`index`, `root`, `open_file_cache`). */
  readonly outer: readonly Directive[];
}

export interface Mount {
  readonly host: VirtualHost;
  /** `/`, or where a location's `alias` puts the tree. */
  readonly prefix: string;
  /** The location that has the root or alias; null for the server itself. */
  readonly location: Directive | null;
}

/** Also of files that have server blocks without `http` around, as the included ones do. */
export function virtualHostsOf(directives: readonly Directive[]): VirtualHost[] {
  return [
    { block: directives, inside: false },
    ...directivesNamed(directives, 'http').map(({ block }) => ({ block: block ?? [], inside: true })),
  ].flatMap(({ block, inside }) =>
    directivesNamed(block, 'server').flatMap((server) =>
      server.block ? [{ block: server.block, outer: inside ? block : [] }] : [],
    ),
  );
}

/** `isLive` says whether a path is the site's live link. */
export function mountsOf(hosts: readonly VirtualHost[], isLive: (path: string) => boolean): Mount[] {
  return hosts.flatMap((host): Mount[] => {
    const root = lastArgument(host.block, 'root') ?? lastArgument(host.outer, 'root');
    if (root !== undefined && isLive(root)) return [{ host, prefix: '/', location: null }];
    return directivesNamed(host.block, 'location').flatMap((location): Mount[] => {
      const path = location.args.at(-1) ?? '';
      if (!path.startsWith('/') || location.args[0] === '=') return [];
      const alias = lastArgument(location.block, 'alias');
      if (alias !== undefined && isLive(alias))
        return [{ host, prefix: path.endsWith('/') ? path : `${path}/`, location }];
      const own = lastArgument(location.block, 'root');
      return path === '/' && own !== undefined && isLive(own) ? [{ host, prefix: '/', location }] : [];
    });
  });
}

/** A predicate for `mountsOf`: the live link by its name, by another path to it, or a link to it; a pinned tree is none. */
export async function liveLinkAmong(
  hosts: readonly VirtualHost[],
  { liveLink, directory }: SiteOnNode,
): Promise<(path: string) => boolean> {
  const live = await realpathOf(liveLink);
  const known = new Map<string, boolean>();
  for (const host of hosts)
    for (const path of [...pathsIn(host.block), ...pathsIn(host.outer)]) {
      const plain = resolve('/', path);
      if (known.has(path) || path.includes('$')) continue;
      const isPinned = plain.startsWith(`${directory}/trees/`);
      known.set(
        path,
        plain === liveLink || (!isPinned && live !== null && (await realpathOf(plain)) === live),
      );
    }
  return (path) => known.get(path) ?? false;
}

export function lastArgument(block: readonly Directive[] | null, name: string): string | undefined {
  return directivesNamed(block, name).at(-1)?.args[0];
}

function pathsIn(block: readonly Directive[]): string[] {
  const here = directivesNamed(block, 'root', 'alias').flatMap(({ args }) => args.slice(0, 1));
  return [
    ...here,
    ...directivesNamed(block, 'location').flatMap((location) => pathsIn(location.block ?? [])),
  ];
}

async function realpathOf(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch {
    return null;
  }
}
