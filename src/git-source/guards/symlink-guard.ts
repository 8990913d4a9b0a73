// Refuses symlinks that leave the tree. Each is resolved as the kernel would inside the tree: through other symlinks, at most 40 of them;
// a component that is no symlink, missing ones too, counts as a directory, so only symlinks matter and only their changes cause work.

import { isUtf8 } from 'node:buffer';
import type { ObjectId, TreeChange } from '../../model/tree.ts';
import { createSlices } from '../../slices/slices.ts';
import type { GitSource } from '../git-source.ts';
import { pathBytesMax } from '../tree-limits.ts';
import { createSymlinkTree, type SymlinkTree } from './symlink-tree.ts';
import { type Violation, violationsMax } from './violation.ts';

const symlinkMode = '120000';
const linksAtOnce = 1_024;
/** Path components followed in one judgement; a tree that needs more was made to cost time. */
const stepsMax = 20_000_000;

export async function checkSymlinks(
  source: GitSource,
  target: ObjectId,
  changes: readonly TreeChange[],
  baseIsEmpty: boolean,
): Promise<Violation[]> {
  const changed = changes.filter((change) => isSymlink(change.before?.mode) || isSymlink(change.after?.mode));
  if (changed.length === 0) return [];
  const links: { path: string; id: ObjectId }[] = [];
  if (baseIsEmpty) {
    for (const { path, after } of changed) if (after) links.push({ path, id: after.id });
  } else {
    for await (const entry of source.listTree(target)) if (isSymlink(entry.mode)) links.push(entry);
  }
  const violations: Violation[] = [];
  const tree = createSymlinkTree(stepsMax);
  for (let at = 0; at < links.length && violations.length < violationsMax; at += linksAtOnce) {
    const batch = links.slice(at, at + linksAtOnce);
    const texts = await readTargets(source, batch);
    batch.forEach(({ path }, index) => {
      const text = texts[index];
      if (typeof text === 'string') tree.add(path, text);
      else if (text) violations.push({ ...text, path });
    });
  }
  return [...violations, ...(await judge(tree))];
}

async function judge(tree: SymlinkTree): Promise<Violation[]> {
  const violations: Violation[] = [];
  const slices = createSlices();
  for (const { path, target } of tree.links()) {
    // By the clock: one symlink may cost as much as thousands of others.
    if (slices.due()) await slices.pause();
    const outcome = tree.resolve(path);
    if (outcome === 'inside') continue;
    const shown = target.length > 80 ? `${target.slice(0, 80)}…` : target;
    violations.push({
      code: 'SYMLINK_ESCAPES',
      path,
      text: {
        absolute: `is a symlink to the absolute path "${shown}"; it would be read from the server's own files.`,
        leaves: `is a symlink to "${shown}", which leaves the published tree.`,
        exhausted: 'is one of too many nested symlinks to be checked.',
      }[outcome],
      fix: 'Point it at something inside the tree with a relative path, or commit the content itself.',
    });
    if (outcome === 'exhausted' || violations.length >= violationsMax) break;
  }
  return violations;
}

/** The targets' texts; what cannot be the target of a symlink on a server is a violation instead. */
async function readTargets(
  source: GitSource,
  links: readonly { readonly path: string; readonly id: ObjectId }[],
): Promise<(string | Omit<Violation, 'path'>)[]> {
  const sizes = await source.blobSizes(links.map((link) => link.id));
  return Promise.all(
    links.map(async ({ id }, index) => {
      const size = sizes[index] as number;
      const bytes = size > 0 && size < pathBytesMax ? await source.readBlob(id) : undefined;
      if (bytes === undefined || bytes.includes(0)) {
        return {
          code: 'PATH_FORBIDDEN' as const,
          text: 'is a symlink that no server can make: its target is empty, too long, or has a NUL byte.',
          fix: 'Make the symlink again, or remove it.',
        };
      }
      if (isUtf8(bytes)) return bytes.toString('utf8');
      return {
        code: 'PATH_NOT_UTF8' as const,
        text: 'is a symlink whose target is not UTF-8.',
        fix: 'Make the symlink again with a UTF-8 target.',
      };
    }),
  );
}

function isSymlink(mode: string | undefined): boolean {
  return mode === symlinkMode;
}
