// A site of N small, distinct files on disk, at most 100 entries a directory and three levels deep whatever N is, with the Git ids
// of all its directories, so that a one-file edit's tree id costs three small hashes.

import fs from 'node:fs';
import path from 'node:path';
import { blobIdOf, treeIdOf } from '../../src/assignment/object-id.ts';
import type { ObjectId } from '../../src/model/tree.ts';

const filesPerDirectory = 100;

export interface GrownFile {
  readonly path: string;
  readonly bytes: Buffer;
}

export interface GrownSite {
  readonly files: number;
  tree(): ObjectId;
  file(number: number): GrownFile;
  /** The tree id after the edit; `undo` takes it back. */
  edit(number: number, bytes: Buffer): { readonly tree: ObjectId; undo(): void };
}

interface LeafDirectory {
  readonly top: number;
  readonly name: string;
  readonly first: number;
  readonly blobs: ObjectId[];
  id: ObjectId;
}

export function growSite(root: string, files: number): GrownSite {
  const leaves: LeafDirectory[] = [];
  const tops: LeafDirectory[][] = [];
  const topIds: ObjectId[] = [];
  const edited = new Map<number, Buffer>();
  const topCount = Math.ceil(Math.sqrt(Math.ceil(files / filesPerDirectory)));

  const pathOf = (leaf: LeafDirectory, number: number) => `s${leaf.top}/${leaf.name}/page-${number}.html`;
  const original = (number: number) =>
    Buffer.from(`<!doctype html><title>${number}</title><p>page ${number}\n`);
  const leafId = ({ blobs, first }: LeafDirectory): ObjectId =>
    treeIdOf(blobs.map((id, n) => ({ name: `page-${first + n}.html`, mode: '100644', id })));
  const topId = (top: number): ObjectId =>
    treeIdOf((tops[top] ?? []).map(({ name, id }) => ({ name, mode: '40000', id })));
  const rootId = (): ObjectId => treeIdOf(topIds.map((id, top) => ({ name: `s${top}`, mode: '40000', id })));

  for (let first = 0; first < files; first += filesPerDirectory) {
    const top = leaves.length % topCount;
    const leaf: LeafDirectory = { top, name: `d${leaves.length}`, first, blobs: [], id: '' };
    fs.mkdirSync(path.join(root, `s${top}`, leaf.name), { recursive: true });
    for (let number = first; number < Math.min(files, first + filesPerDirectory); number++) {
      const bytes = original(number);
      fs.writeFileSync(path.join(root, pathOf(leaf, number)), bytes);
      leaf.blobs.push(blobIdOf(bytes));
    }
    leaf.id = leafId(leaf);
    leaves.push(leaf);
    tops[top] = [...(tops[top] ?? []), leaf];
  }
  for (let top = 0; top < topCount; top++) topIds.push(topId(top));
  let tree = rootId();

  const leafOf = (number: number) => leaves[Math.floor(number / filesPerDirectory)] as LeafDirectory;

  function put(number: number, bytes: Buffer): void {
    const leaf = leafOf(number);
    leaf.blobs[number - leaf.first] = blobIdOf(bytes);
    leaf.id = leafId(leaf);
    topIds[leaf.top] = topId(leaf.top);
    tree = rootId();
    edited.set(number, bytes);
  }

  const bytesOf = (number: number) => edited.get(number) ?? original(number);

  return {
    files,
    tree: () => tree,
    file: (number) => ({ path: pathOf(leafOf(number), number), bytes: bytesOf(number) }),
    edit(number, bytes) {
      const before = bytesOf(number);
      put(number, bytes);
      return { tree, undo: () => put(number, before) };
    },
  };
}
