// Trees for tests: plain maps of paths to contents, their Git tree ids, and assignments that lead from one to another.

import type { KeyObject } from 'node:crypto';
import { randomBytes } from 'node:crypto';
import {
  type CommandInput,
  type EncodedAssignment,
  encodeAssignment,
} from '../../assignment/encode-assignment.ts';
import { blobIdOf, type DirectoryEntry, treeIdOf } from '../../assignment/object-id.ts';
import type { ContentKey } from '../../assignment/seal.ts';
import { signObject } from '../../assignment/signed.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';

/** Path → content; a string that starts with `-> ` is a symlink to what follows. */
export type SampleTree = Readonly<Record<string, string | Buffer>>;

const symlinkPrefix = '-> ';

export function treeOf(tree: SampleTree): ObjectId {
  const children = new Map<string, Record<string, string | Buffer>>();
  const entries: DirectoryEntry[] = [];
  for (const [path, content] of Object.entries(tree)) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      const target = linkTarget(content);
      const bytes = target ?? content;
      entries.push({
        name: path,
        mode: target === undefined ? '100644' : '120000',
        id: blobIdOf(Buffer.from(bytes)),
      });
    } else {
      const name = path.slice(0, slash);
      const child = children.get(name) ?? {};
      child[path.slice(slash + 1)] = content;
      children.set(name, child);
    }
  }
  for (const [name, child] of children) entries.push({ name, mode: '40000', id: treeOf(child) });
  return treeIdOf(entries);
}

export interface SampleRelease {
  readonly site: string;
  readonly release: Release;
  readonly base: SampleTree;
  readonly target: SampleTree;
  readonly releaseKey: KeyObject;
  readonly contentKey: ContentKey;
}

/** `overrides`: as a repair's, that is of another type and over the target itself. */
export function assignmentOf(
  sample: SampleRelease,
  overrides: Partial<Pick<AssignmentHeader, 'type' | 'baseTree'>> = {},
): EncodedAssignment {
  const { site, release, base, target } = sample;
  const contents = Object.values(target).map((content) => Buffer.byteLength(content) + 4_096);
  const decodedBytes = contents.reduce((sum, bytes) => sum + bytes, 0);
  const facts = {
    profile: 'linux-web-1',
    site,
    release,
    part: { index: 1, of: 1 },
    type: 'publish',
    baseTree: treeOf(base),
    targetTree: treeOf(target),
    createdAt: 1_763_900_000,
    space: { decodedBytes, temporaryBytes: decodedBytes, inodes: 100 },
    ...overrides,
  } as const;
  const seal = { dataKey: randomBytes(32), contentKey: sample.contentKey, signingKey: sample.releaseKey };
  return encodeAssignment(facts, commandsOf(base, target, 1_700_000_000 + release.sequence), seal);
}

export function decisionOf({ site, release, base, target, releaseKey }: SampleRelease): SignedDecision {
  const decision = {
    version: 1,
    site,
    release,
    kind: 'commit',
    fromTree: Object.keys(base).length === 0 ? null : treeOf(base),
    toTree: treeOf(target),
    decidedAt: 1_763_900_000_000,
  } as const;
  return signObject(decision, releaseKey);
}

function* commandsOf(base: SampleTree, target: SampleTree, mtime: number): Generator<CommandInput> {
  const oldDirectories = directoriesOf(base);
  const newDirectories = directoriesOf(target);
  for (const path of newDirectories) if (!oldDirectories.has(path)) yield { command: { do: 'mkdir', path } };
  for (const [path, content] of Object.entries(target)) {
    const before = base[path];
    if (before !== undefined && Buffer.from(before).equals(Buffer.from(content))) continue;
    const symlink = linkTarget(content);
    if (symlink !== undefined) {
      yield { command: { do: 'symlink', path, target: symlink, mtime } };
      continue;
    }
    const bytes = Buffer.from(content);
    yield {
      command: { do: 'write', path, mode: '100644', blob: blobIdOf(bytes), size: bytes.length, mtime },
      payload: { codec: 'store', cipher: 'aes-256-gcm', bytes },
    };
  }
  for (const path of Object.keys(base)) if (!(path in target)) yield { command: { do: 'remove', path } };
  for (const path of [...oldDirectories].reverse())
    if (!newDirectories.has(path)) yield { command: { do: 'rmdir', path } };
}

/** Parents before children. */
function directoriesOf(tree: SampleTree): Set<string> {
  const directories = new Set<string>();
  for (const path of Object.keys(tree).sort()) {
    const names = path.split('/').slice(0, -1);
    for (let n = 1; n <= names.length; n++) directories.add(names.slice(0, n).join('/'));
  }
  return directories;
}

function linkTarget(content: string | Buffer): string | undefined {
  return typeof content === 'string' && content.startsWith(symlinkPrefix)
    ? content.slice(symlinkPrefix.length)
    : undefined;
}
