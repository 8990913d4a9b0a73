// Git object ids (SHA-1 or SHA-256, told apart by their length) and the bytes of one Git tree object.
// Knows nothing of repositories; what it computes equals `git hash-object` and `git mktree`.

import { createHash, hash } from 'node:crypto';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';

/** Hex digits of an id: 40 in SHA-1 repositories, 64 in SHA-256 ones. */
export type ObjectIdLength = 40 | 64;

/** One entry of one directory. `mode` as in Git's tree objects: `100644`, `100755`, `120000`, `160000`, `40000` (`040000` is understood). */
export interface DirectoryEntry {
  readonly name: string;
  readonly mode: string;
  readonly id: ObjectId;
}

export interface BlobHash {
  update(chunk: Uint8Array): void;
  /** The id; throws BUG when the bytes given do not add up to the announced size. */
  digest(): ObjectId;
}

/** Below this a copy behind the object's header and one call is quicker than a hash object. */
const oneShotBytesMax = 262_144;

/** The blob id of `bytes`, as long as `like` (default 40 digits). */
export function blobIdOf(bytes: Uint8Array, like?: ObjectId): ObjectId {
  return objectIdOf('blob', bytes, lengthLike(like));
}

/** For a blob that is read in pieces; `size` must be known beforehand because Git hashes it first. */
export function createBlobHash(size: number, hexLength: ObjectIdLength = 40): BlobHash {
  const running = createHash(algorithmOf(hexLength)).update(`blob ${size}\0`);
  let left = size;
  return {
    update(chunk) {
      left -= chunk.length;
      running.update(chunk);
    },
    digest() {
      if (left !== 0)
        throw new TreecastError('BUG', `a blob of ${size} bytes was hashed with ${size - left} bytes`);
      return running.digest('hex');
    },
  };
}

/** The id of a directory with these entries, in any order; an empty one has the empty tree's id. */
export function treeIdOf(entries: readonly DirectoryEntry[], hexLength?: ObjectIdLength): ObjectId {
  return objectIdOf('tree', encodeTree(entries), hexLength ?? lengthLike(entries[0]?.id));
}

/** The id of a tree object's body, as {@link encodeTree} gives it. */
export function treeIdOfBytes(body: Uint8Array, hexLength: ObjectIdLength = 40): ObjectId {
  return objectIdOf('tree', body, hexLength);
}

/** The body of a Git tree object (without `tree <size>\0`), entries sorted as Git sorts them. */
export function encodeTree(entries: readonly DirectoryEntry[]): Buffer {
  const rows = entries.map((entry) => ({ entry, key: sortKeyOf(entry) }));
  rows.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  let size = 0;
  for (const { entry } of rows) {
    checkEntry(entry);
    size += modeOf(entry).length + Buffer.byteLength(entry.name) + 2 + entry.id.length / 2;
  }
  const body = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { entry } of rows) {
    at += body.write(modeOf(entry), at, 'latin1');
    body[at++] = 0x20;
    at += body.write(entry.name, at, 'utf8');
    body[at++] = 0;
    at += body.write(entry.id, at, 'hex');
  }
  return body;
}

/** The entries of a tree object's body, in its order. Throws STATE_CORRUPT when it is none, PATH_NOT_UTF8 for a name that is not UTF-8. */
export function decodeTree(body: Uint8Array, hexLength: ObjectIdLength = 40): DirectoryEntry[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const nul = bytes.indexOf(0, space + 1);
    const end = nul + 1 + hexLength / 2;
    if (space < at + 5 || space > at + 6 || nul < space + 2 || end > bytes.length) throw corrupt();
    const mode = bytes.toString('latin1', at, space);
    if (!/^[0-7]{5,6}$/.test(mode)) throw corrupt();
    entries.push({
      name: decodeName(bytes.subarray(space + 1, nul)),
      mode,
      id: bytes.toString('hex', nul + 1, end),
    });
    at = end;
  }
  return entries;
}

function objectIdOf(type: 'blob' | 'tree', bytes: Uint8Array, hexLength: ObjectIdLength): ObjectId {
  const head = `${type} ${bytes.length}\0`;
  const algorithm = algorithmOf(hexLength);
  if (bytes.length > oneShotBytesMax) return createHash(algorithm).update(head).update(bytes).digest('hex');
  const whole = Buffer.allocUnsafe(head.length + bytes.length);
  whole.write(head, 0, 'latin1');
  whole.set(bytes, head.length);
  return hash(algorithm, whole, 'hex');
}

function algorithmOf(hexLength: ObjectIdLength): 'sha1' | 'sha256' {
  return hexLength === 64 ? 'sha256' : 'sha1';
}

function lengthLike(id: ObjectId | undefined): ObjectIdLength {
  return id?.length === 64 ? 64 : 40;
}

function modeOf(entry: DirectoryEntry): string {
  return entry.mode.startsWith('0') ? entry.mode.slice(1) : entry.mode;
}

/** Git compares bytes, directories as if their name ended in `/`; a latin1 view of the UTF-8 bytes compares the same way. */
function sortKeyOf(entry: DirectoryEntry): string {
  const key = modeOf(entry) === '40000' ? `${entry.name}/` : entry.name;
  return Buffer.byteLength(key) === key.length ? key : Buffer.from(key, 'utf8').toString('latin1');
}

function checkEntry({ name, mode, id }: DirectoryEntry): void {
  if (name === '' || name.includes('/') || name.includes('\0') || !name.isWellFormed()) {
    throw new TreecastError('BUG', `${JSON.stringify(name)} cannot name an entry of a Git tree`);
  }
  if (id.length !== 40 && id.length !== 64) throw new TreecastError('BUG', `${id} is not an object id`);
  if (!/^[0-7]{5,6}$/.test(mode)) throw new TreecastError('BUG', `${mode} is not a mode of a Git tree`);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new TreecastError('PATH_NOT_UTF8', 'a name in a Git tree is not UTF-8', {
      cause,
      fix: 'Rename the file with a UTF-8 name and push again.',
    });
  }
}

function corrupt(): TreecastError {
  return new TreecastError('STATE_CORRUPT', 'the bytes are not a Git tree object', {
    fix: 'The tree is read again from its source; if this repeats, check the disk.',
  });
}
