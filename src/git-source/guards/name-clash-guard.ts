// Refuses new names that differ from another one in the same directory only by case or by how accents are written: such a tree cannot be
// checked out on many machines, and URLs of it are mixed up (N57). What is live was judged when it was pushed.

import type { ObjectId, TreeChange } from '../../model/tree.ts';
import { createSlices } from '../../slices/slices.ts';
import type { GitSource } from '../git-source.ts';
import { foldName } from './folded-name.ts';
import { type Violation, violationsMax } from './violation.ts';

const namesPerLook = 256;

/** Lets others run when its turn has lasted long enough; asked often. */
type Pause = () => Promise<void> | undefined;

function createPause(): Pause {
  const slices = createSlices();
  let looks = 0;
  return () => {
    looks += 1;
    return looks % namesPerLook === 0 && slices.due() ? slices.pause() : undefined;
  };
}

export interface NameClashCheck {
  readonly source: GitSource;
  readonly base: ObjectId;
  readonly target: ObjectId;
  readonly changes: readonly TreeChange[];
  readonly baseIsEmpty: boolean;
}

export async function findNameClashes(check: NameClashCheck): Promise<Violation[]> {
  const pause = createPause();
  const added = await namesAdded(check.changes, pause);
  if (added.size === 0) return [];
  // Against nothing, all that there is has been added.
  const directories = check.baseIsEmpty
    ? added
    : await check.source.listDirectories(check.target, [...added.keys()]);
  const clashes: [string, string][] = [];
  for (const [directory, names] of directories) {
    for (const [one, other] of await clashesIn(names, added.get(directory) ?? new Set(), pause)) {
      clashes.push([joined(directory, one), joined(directory, other)]);
    }
    if (clashes.length >= violationsMax) break;
  }
  return (await notLive(check, clashes)).map(([one, other]) => ({
    code: 'NAME_CLASH',
    path: one,
    text: `and "${other}" are one name where case and the spelling of accents do not count.`,
    fix: 'Rename one of the two. Where all that reads this site tells such names apart: treecast site set SITE with the policy nameClashes: allow',
  }));
}

/** By directory: names that a new path has there. Each may have been there before, as a directory. */
async function namesAdded(changes: readonly TreeChange[], pause: Pause): Promise<Map<string, Set<string>>> {
  const added = new Map<string, Set<string>>();
  for (const { path, before, after } of changes) {
    const waiting = pause();
    if (waiting) await waiting;
    if (before !== undefined || after === undefined) continue;
    let below = path;
    // Upwards, until a directory that was noted before.
    for (let isNew = true; isNew && below !== ''; ) {
      const slash = below.lastIndexOf('/');
      const directory = slash < 0 ? '' : below.slice(0, slash);
      const names = added.get(directory);
      isNew = names === undefined;
      const name = below.slice(slash + 1);
      if (names) names.add(name);
      else added.set(directory, new Set([name]));
      below = directory;
    }
  }
  return added;
}

/** Pairs of which the first was added. */
async function clashesIn(
  names: Iterable<string>,
  added: ReadonlySet<string>,
  pause: Pause,
): Promise<[string, string][]> {
  const byFold = new Map<string, string>();
  for (const name of added) {
    const waiting = pause();
    if (waiting) await waiting;
    const fold = foldName(name);
    if (!byFold.has(fold)) byFold.set(fold, name);
  }
  const clashes: [string, string][] = [];
  for (const name of names) {
    const waiting = pause();
    if (waiting) await waiting;
    const other = byFold.get(foldName(name));
    if (other !== undefined && other !== name)
      clashes.push(added.has(name) && other > name ? [name, other] : [other, name]);
  }
  return clashes;
}

/** Two directories that were live both are no news, whatever is added in them. */
async function notLive({ source, base, baseIsEmpty }: NameClashCheck, clashes: readonly [string, string][]) {
  if (baseIsEmpty || clashes.length === 0) return clashes;
  const live = await source.findEntries(base, clashes.flat());
  return clashes.filter(([one, other]) => !live.has(one) || !live.has(other));
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}
