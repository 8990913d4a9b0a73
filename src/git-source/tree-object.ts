// The bytes of one Git tree object, taken apart into entries. Strict: what Git itself would not write is refused, because a server that
// computes the tree's id from its disk would get another one.

import type { ObjectId } from '../model/tree.ts';
import { submoduleMode } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';

export const directoryMode = '040000';

export interface TreeObjectEntry {
  /** Raw bytes as latin1; never empty, never with a slash. */
  readonly name: string;
  /** Six octal digits: 040000, 100644, 100755, 120000 or 160000. */
  readonly mode: string;
  readonly id: ObjectId;
}

const space = 0x20;

/** Entries in Git's order (directories sort as if their names ended in `/`), each name once. Throws GIT_FAILED when malformed. */
export function parseTreeObject(bytes: Buffer, idBytes: number): TreeObjectEntry[] {
  const entries: TreeObjectEntry[] = [];
  let at = 0;
  while (at < bytes.length) {
    const modeEnd = bytes.indexOf(space, at);
    const nameEnd = modeEnd < 0 ? -1 : bytes.indexOf(0, modeEnd + 1);
    const next = nameEnd + 1 + idBytes;
    if (nameEnd < 0 || next > bytes.length) throw malformed('it ends in the middle of an entry');
    const name = bytes.toString('latin1', modeEnd + 1, nameEnd);
    if (name === '' || name.includes('/')) throw malformed('an entry has an empty name or one with a slash');
    const entry = {
      name,
      mode: modeOf(bytes.toString('latin1', at, modeEnd)),
      id: bytes.toString('hex', nameEnd + 1, next),
    };
    checkPlace(entries, entry);
    entries.push(entry);
    at = next;
  }
  return entries;
}

/** As Git writes them into trees; directories have five digits there. */
const modes: ReadonlyMap<string, string> = new Map([
  ['100644', '100644'],
  ['100755', '100755'],
  ['120000', '120000'],
  ['40000', directoryMode],
  [submoduleMode, submoduleMode],
]);

function modeOf(text: string): string {
  const mode = modes.get(text);
  if (mode === undefined) throw malformed(`"${text.slice(0, 10)}" is no mode that Git writes`);
  return mode;
}

/** Git's order: a directory's name counts as ending in a slash. */
export function orderKey({ name, mode }: Pick<TreeObjectEntry, 'name' | 'mode'>): string {
  return mode === directoryMode ? `${name}/` : name;
}

function checkPlace(before: readonly TreeObjectEntry[], entry: TreeObjectEntry): void {
  const last = before.at(-1);
  if (last === undefined) return;
  if (orderKey(last) >= orderKey(entry))
    throw malformed('its entries are not in order, or one is there twice');
  if (entry.mode !== directoryMode) return;
  // A file of the directory's name lies before it, with nothing between but names that begin with it.
  for (let at = before.length - 1; at >= 0; at--) {
    const { name } = before[at] as TreeObjectEntry;
    if (!name.startsWith(entry.name)) return;
    if (name === entry.name) throw malformed('one name is both a file and a directory');
  }
}

function malformed(why: string): TreecastError {
  return new TreecastError('GIT_FAILED', `A tree object is malformed: ${why}.`, {
    fix: 'Run git fsck in the staging repository; the object cannot have come in by a push.',
  });
}
