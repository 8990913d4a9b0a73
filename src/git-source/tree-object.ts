// The bytes of one Git tree object, taken apart into entries. Modes are made canonical exactly as Git does when it reads trees.

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

/** Entries in the object's own order (Git's: directories sort as if their names ended in `/`). Throws GIT_FAILED when malformed. */
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
    const mode = canonicalMode(bytes.toString('latin1', at, modeEnd));
    entries.push({ name, mode, id: bytes.toString('hex', nameEnd + 1, next) });
    at = next;
  }
  return entries;
}

function canonicalMode(text: string): string {
  if (!/^[0-7]{1,7}$/.test(text)) throw malformed(`"${text.slice(0, 10)}" is not a mode`);
  const mode = Number.parseInt(text, 8);
  switch (mode & 0o170000) {
    case 0o100000:
      return mode & 0o100 ? '100755' : '100644';
    case 0o120000:
      return '120000';
    case 0o040000:
      return directoryMode;
    default:
      return submoduleMode;
  }
}

function malformed(why: string): TreecastError {
  return new TreecastError('GIT_FAILED', `A tree object is malformed: ${why}.`, {
    fix: 'Run git fsck in the staging repository; the object cannot have come in by a push.',
  });
}
