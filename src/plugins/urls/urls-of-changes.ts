// Which URLs are answered differently after a change of the tree: the exact purge set (X7). Pure; what caches do with it is theirs.
// Where the map cannot say which of two files answers (a clean URL or a directory, a rewrite or a file), both count.

import type { PathChange } from '../api/hooks.ts';
import { encodePath } from './encode-path.ts';
import { rewrittenUrls } from './rewritten-urls.ts';
import type { TreeFacts } from './tree-facts.ts';
import type { UrlMap } from './url-map.ts';

export { type TreeFacts, treeFacts } from './tree-facts.ts';

export interface UrlsOfChanges {
  /** Absolute, percent-encoded as browsers send them, each once; in the order of the changes. */
  readonly urls: readonly string[];
  /** An error page changed: whatever is cached as missing, under any URL, is stale too. */
  readonly everythingMissing: boolean;
}

/** A URL path below the mount: a name, or a directory with its slash at the end (`''` and `'/'` are the root). */
type Place = string;

interface Side {
  /** False when that is not known. */
  readonly known: boolean;
  serves(path: string): boolean;
  hasDirectory(directory: string): boolean;
  /** Tells the same path apart when its content differs. */
  version(path: string): string;
}

/**
 * `facts` of the tree that is live now make the set exact: an index file behind one that wins, a directory that was there before.
 * Without them it is complete, and may name URLs whose answer stayed.
 */
export function urlsOfChanges(changes: readonly PathChange[], map: UrlMap, facts?: TreeFacts): UrlsOfChanges {
  const rewritten = rewrittenUrls(map);
  const seen = new Set<Place>();
  const urlPaths = new Set<string>();
  const answers = resolver(map);
  const { before, after } = sides(changes, rewritten.hidden, facts);

  /** Takes a place whose answer differs, or may. */
  function consider(place: Place): void {
    if (seen.has(place)) return;
    seen.add(place);
    if (!before.known || answers(place, before) !== answers(place, after)) urlPaths.add(urlPath(place, map));
  }

  for (const change of changes) {
    const { path } = change;
    if (!rewritten.hidden(path)) {
      for (const place of placesOf(path, map)) consider(place);
    }
    if (change.kind !== 'changed') for (const place of ancestors(path, map)) consider(place);
    for (const other of rewritten.of(path)) urlPaths.add(other);
  }

  const urls = new Set<string>();
  for (const one of urlPaths) for (const origin of map.origins) urls.add(origin + one);
  const errorPages = new Set(map.errorPages);
  return { urls: [...urls], everythingMissing: changes.some(({ path }) => errorPages.has(path)) };
}

/** Every combination of request headers that caches keep apart; `[{}]` when there is none. */
export function urlVariants({
  variants,
}: Pick<UrlMap, 'variants'>): readonly Readonly<Record<string, string>>[] {
  let combinations: Readonly<Record<string, string>>[] = [{}];
  for (const { header, values } of variants) {
    combinations = combinations.flatMap((known) => values.map((value) => ({ ...known, [header]: value })));
  }
  return combinations;
}

/** Where a file can answer: its own name, clean names, as the index of its directory. */
function placesOf(path: string, map: UrlMap): Place[] {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const places: Place[] = [path];
  for (const suffix of map.cleanUrls) {
    if (name.length > suffix.length && name.endsWith(suffix)) places.push(path.slice(0, -suffix.length));
  }
  if (map.index.includes(name)) places.push(...directoryPlaces(slash < 0 ? '' : path.slice(0, slash), map));
  return places;
}

/** The directories that come or go with a file; the root stays. */
function ancestors(path: string, map: UrlMap): Place[] {
  const places: Place[] = [];
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    places.push(...directoryPlaces(path.slice(0, slash), map));
  }
  return places;
}

function directoryPlaces(directory: string, map: UrlMap): Place[] {
  if (map.directoryWithoutSlash === false) return [`${directory}/`];
  // The root of an origin has no name without a slash; that of a mount has.
  if (directory === '' && map.prefix === '/') return ['/'];
  return [`${directory}/`, directory];
}

function urlPath(place: Place, { prefix }: UrlMap): string {
  if (place === '/') return prefix;
  if (place === '') return prefix.slice(0, -1);
  return prefix + encodePath(place);
}

/** What stands at a place, as a text that differs when the answer does. */
function resolver(map: UrlMap): (place: Place, side: Side) => string {
  const { index, cleanUrls, directoryWithoutSlash } = map;
  const file = (path: string, side: Side): string => `${side.version(path)} ${path}`;

  function directory(name: string, side: Side): string {
    const winner = index
      .map((entry) => (name === '' ? entry : `${name}/${entry}`))
      .find((path) => side.serves(path));
    if (winner !== undefined) return file(winner, side);
    return side.hasDirectory(name) ? 'no index' : 'missing';
  }

  return (place, side) => {
    if (place.endsWith('/')) return directory(place.slice(0, -1), side);
    if (place !== '' && side.serves(place)) return file(place, side);
    const clean =
      place === '' ? undefined : cleanUrls.map((suffix) => place + suffix).find((path) => side.serves(path));
    const below =
      directoryWithoutSlash === true
        ? directory(place, side)
        : directoryWithoutSlash === 'redirect' && side.hasDirectory(place)
          ? 'redirect'
          : 'missing';
    return clean === undefined ? below : `${file(clean, side)} or ${below}`;
  };
}

function sides(
  changes: readonly PathChange[],
  hidden: (path: string) => boolean,
  facts: TreeFacts | undefined,
): { readonly before: Side; readonly after: Side } {
  const kinds = new Map(changes.map(({ path, kind }) => [path, kind]));
  const added = countBelow(changes, 'added');
  const deleted = countBelow(changes, 'deleted');
  const exists = (path: string): boolean => facts?.exists(path) ?? false;
  const below = (directory: string): number => facts?.filesBelow(directory) ?? 0;
  const side = (
    name: string,
    isThere: (path: string) => boolean,
    count: (directory: string) => number,
  ): Side => ({
    known: facts !== undefined,
    serves: (path) => isThere(path) && !hidden(path),
    hasDirectory: (directory) => directory === '' || count(directory) > 0,
    version: (path) => (kinds.has(path) ? name : 'same'),
  });
  return {
    before: side(
      'before',
      (path) => {
        const kind = kinds.get(path);
        return kind === undefined ? exists(path) : kind !== 'added';
      },
      (directory) => below(directory) - (added.get(directory) ?? 0) + (deleted.get(directory) ?? 0),
    ),
    after: side(
      'after',
      (path) => {
        const kind = kinds.get(path);
        return kind === undefined ? exists(path) : kind !== 'deleted';
      },
      below,
    ),
  };
}

function countBelow(changes: readonly PathChange[], kind: PathChange['kind']): Map<string, number> {
  const counts = new Map<string, number>();
  for (const change of changes) {
    if (change.kind !== kind) continue;
    const { path } = change;
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const directory = path.slice(0, slash);
      counts.set(directory, (counts.get(directory) ?? 0) + 1);
    }
  }
  return counts;
}
