// Git's ids of contents in memory (SHA-1, regular files): what events name trees and blobs by.

import { createHash } from 'node:crypto';
import type { PathChange } from '../api/hooks.ts';

type Contents = ReadonlyMap<string, Uint8Array>;

export function blobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

export function treeId(files: Contents): string {
  const here: { readonly name: string; readonly key: string; readonly mode: string; readonly id: string }[] =
    [];
  const below = new Map<string, Map<string, Uint8Array>>();
  for (const [path, bytes] of files) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      here.push({ name: path, key: path, mode: '100644', id: blobId(bytes) });
      continue;
    }
    const name = path.slice(0, slash);
    const inside = below.get(name) ?? new Map<string, Uint8Array>();
    inside.set(path.slice(slash + 1), bytes);
    below.set(name, inside);
  }
  for (const [name, inside] of below) here.push({ name, key: `${name}/`, mode: '40000', id: treeId(inside) });
  here.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  const body = Buffer.concat(
    here.map(({ mode, name, id }) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
    ),
  );
  return createHash('sha1').update(`tree ${body.length}\0`).update(body).digest('hex');
}

export function changesBetween(from: Contents, to: Contents): PathChange[] {
  const paths = [...new Set([...from.keys(), ...to.keys()])].sort();
  return paths.flatMap((path): PathChange[] => {
    const [old, fresh] = [from.get(path), to.get(path)];
    const before = old === undefined ? null : blobId(old);
    const after = fresh === undefined ? null : blobId(fresh);
    if (before === after) return [];
    return [
      { path, kind: before === null ? 'added' : after === null ? 'deleted' : 'changed', before, after },
    ];
  });
}
