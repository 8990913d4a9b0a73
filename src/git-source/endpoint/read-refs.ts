// The refs of a repository as the pusher may see them, read from files without a Git process: hidden refs are left out.
// Only for repositories of ours (files as ref store); more loose refs than it wants to read at once it leaves to Git.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { ObjectId } from '../../model/tree.ts';
import { hiddenRefPrefix } from '../hidden-tree-ref.ts';
import { isObjectId, isRefName } from '../ref-name.ts';

const looseRefsMax = 512;
const symbolicDepthMax = 5;

interface PackedRefs {
  readonly stamp: string;
  readonly refs: ReadonlyMap<string, ObjectId>;
}

/** Packed refs by path of their file, so that they are parsed again only when they changed. */
export type PackedRefsCache = Map<string, PackedRefs>;

/** Sorted bytewise by name; undefined when Git should be asked instead. */
export function readRefs(
  repositoryPath: string,
  cache: PackedRefsCache,
): ReadonlyMap<string, ObjectId> | undefined {
  const loose = new Map<string, string>();
  // Loose refs first, packed ones after: a ref that is packed meanwhile is then seen twice, never not at all.
  if (!collectLoose(repositoryPath, 'refs/', loose)) return undefined;
  const packed = readPackedRefs(repositoryPath, cache);
  const resolve = (value: string | undefined, depth = 0): ObjectId | undefined => {
    if (value === undefined || isObjectId(value) || depth > symbolicDepthMax) return value;
    const target = /^ref: *(.+)$/.exec(value)?.[1];
    return target === undefined ? undefined : resolve(loose.get(target) ?? packed.get(target), depth + 1);
  };
  const names = [...new Set([...loose.keys(), ...packed.keys()])].filter(
    (name) => !name.startsWith(hiddenRefPrefix),
  );
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const refs = new Map<string, ObjectId>();
  for (const name of names) {
    const id = resolve(loose.get(name) ?? packed.get(name));
    if (id !== undefined && isObjectId(id)) refs.set(name, id);
  }
  return refs;
}

function collectLoose(repositoryPath: string, prefix: string, loose: Map<string, string>): boolean {
  for (const entry of readdirSync(`${repositoryPath}/${prefix}`, { withFileTypes: true })) {
    const name = prefix + entry.name;
    if (entry.isDirectory()) {
      if (`${name}/` === hiddenRefPrefix) continue;
      if (!collectLoose(repositoryPath, `${name}/`, loose)) return false;
    } else if (isRefName(name)) {
      if (loose.size >= looseRefsMax) return false;
      const text = readIfThere(`${repositoryPath}/${name}`);
      if (text !== undefined) loose.set(name, text.trimEnd());
    }
  }
  return true;
}

const noRefs: ReadonlyMap<string, ObjectId> = new Map();

/** The file is replaced, never changed: inode, size and time tell whether what was read is still right. */
function readPackedRefs(repositoryPath: string, cache: PackedRefsCache): ReadonlyMap<string, ObjectId> {
  const path = `${repositoryPath}/packed-refs`;
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (facts === undefined) return noRefs;
  const stamp = `${facts.ino} ${facts.size} ${facts.mtimeNs}`;
  const known = cache.get(path);
  if (known?.stamp === stamp) return known.refs;
  const refs = new Map<string, ObjectId>();
  for (const line of (readIfThere(path) ?? '').split('\n')) {
    const match = /^([0-9a-f]{40}|[0-9a-f]{64}) (refs\/.+)$/.exec(line);
    if (match) refs.set(match[2] as string, match[1] as string);
  }
  cache.set(path, { stamp, refs });
  return refs;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
