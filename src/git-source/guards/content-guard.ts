// Judges the contents of new and changed files: none is larger than an assignment can bring, and none is a Git LFS pointer, which would be
// served instead of the file it stands for.

import type { TreeChange } from '../../model/tree.ts';
import { nextTurn } from '../../slices/slices.ts';
import type { GitSource } from '../git-source.ts';
import { fileBytesMax } from '../tree-limits.ts';
import { type Violation, violationsMax } from './violation.ts';

const pointerStart = Buffer.from('version https://git-lfs.github.com/spec/v1');
const pointerBytesMax = 1_024;
const changesAtOnce = 256;

export async function checkContents(source: GitSource, changes: readonly TreeChange[]): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (let at = 0; at < changes.length && violations.length < violationsMax; at += changesAtOnce) {
    if (at > 0) await nextTurn();
    const pathsByBlob = new Map<string, string>();
    for (const { path, before, after } of changes.slice(at, at + changesAtOnce)) {
      if (after?.mode.startsWith('100') && after.id !== before?.id) pathsByBlob.set(after.id, path);
    }
    const blobs = [...pathsByBlob.keys()];
    const sizes = await source.blobSizes(blobs);
    for (const [index, blob] of blobs.entries()) {
      const size = sizes[index] as number;
      if (size > fileBytesMax) violations.push(tooLarge(pathsByBlob.get(blob) as string, size));
    }
    const small = blobs.filter((_, index) => {
      const size = sizes[index] as number;
      return size >= pointerStart.length && size <= pointerBytesMax;
    });
    const contents = await Promise.all(small.map((blob) => source.readBlob(blob)));
    small.forEach((blob, index) => {
      if (!contents[index]?.subarray(0, pointerStart.length).equals(pointerStart)) return;
      violations.push({
        code: 'LFS_POINTER',
        path: pathsByBlob.get(blob) as string,
        text: 'is a Git LFS pointer, not the file itself.',
        fix: 'Store the file in Git itself: git lfs migrate export --include=<path> --everything, then push again.',
      });
    });
  }
  return violations;
}

function tooLarge(path: string, size: number): Violation {
  return {
    code: 'FILE_TOO_LARGE',
    path,
    text: `has ${size} bytes; a file may have ${fileBytesMax} (4 GiB).`,
    fix: 'Split it, or serve it from elsewhere.',
  };
}
