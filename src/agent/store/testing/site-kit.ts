// A site for tests and benches: keys, signed assignments and decisions, and a store in a directory of its own.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { blockRange } from '../../../assignment/block-layout.ts';
import {
  type CommandInput,
  type EncodedAssignment,
  encodeAssignment,
} from '../../../assignment/encode-assignment.ts';
import { signObject, verifyBytes } from '../../../assignment/signed.ts';
import type { AssignmentHeader } from '../../../model/assignment.ts';
import type { SiteGrant } from '../../../model/messages.ts';
import type { Decision, SignedDecision } from '../../../model/receipt.ts';
import type { Release } from '../../../model/release.ts';
import { defaultSitePolicy } from '../../../model/site.ts';
import type { ObjectId } from '../../../model/tree.ts';
import { createSiteStore } from '../create-site-store.ts';
import type { Disk } from '../disk.ts';
import type { InboxEntry, SiteStore, TreeProof } from '../site-store.ts';
import { createSpaceLedger, type SpaceLedger } from '../space-ledger.ts';
import { commandsBetween, type ModelTree, modelTreeId } from './model-tree.ts';

export const kitSite = 'sample';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const contentKey = { id: 'sample-1', key: randomBytes(32).toString('base64') };

const { autonomous, fileMode, executableMode, directoryMode } = defaultSitePolicy;

export const kitGrant: SiteGrant = {
  site: kitSite,
  contentKeys: [contentKey],
  policy: { autonomous, fileMode, executableMode, directoryMode },
  lastDecision: null,
};

export function release(sequence: number, epoch = 1): Release {
  return { epoch, sequence };
}

export interface AssignmentInput {
  readonly release: Release;
  readonly baseTree: ObjectId;
  readonly targetTree: ObjectId;
  readonly commands: readonly CommandInput[];
  readonly overrides?: Partial<Pick<AssignmentHeader, 'space' | 'part' | 'type' | 'site'>>;
}

export function kitAssignment(input: AssignmentInput): EncodedAssignment {
  const { baseTree, targetTree, commands, overrides } = input;
  return encodeAssignment(
    {
      profile: 'linux-web-1',
      site: kitSite,
      release: input.release,
      part: { index: 1, of: 1 },
      type: 'publish',
      baseTree,
      targetTree,
      createdAt: 1_763_900_000,
      space: { decodedBytes: 64 * 1024 ** 2, temporaryBytes: 0, inodes: 0 },
      ...overrides,
    },
    commands,
    { dataKey: randomBytes(32), contentKey, signingKey: privateKey },
  );
}

export function assignmentBetween(
  sequence: Release,
  base: ModelTree,
  target: ModelTree,
  overrides: AssignmentInput['overrides'] = {},
): EncodedAssignment {
  return kitAssignment({
    release: sequence,
    baseTree: modelTreeId(base),
    targetTree: modelTreeId(target),
    commands: commandsBetween(base, target),
    overrides,
  });
}

export function decisionFor(
  sequence: Release,
  toTree: ObjectId,
  kind: Decision['kind'] = 'commit',
): SignedDecision {
  const decision: Decision = {
    version: 1,
    site: kitSite,
    release: sequence,
    kind,
    fromTree: null,
    toTree,
    decidedAt: 1_763_900_000_000,
  };
  return signObject(decision, privateKey);
}

export function makeRoot(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-store-'));
}

export function openKitStore(
  root: string,
  disk?: Disk,
  grant: SiteGrant = kitGrant,
  space: SpaceLedger = createSpaceLedger(),
): Promise<SiteStore> {
  return createSiteStore(
    {
      root,
      site: kitSite,
      grant,
      space,
      verifySignature: (bytes, signature) => verifyBytes(bytes, signature, publicKey),
    },
    disk,
  );
}

/** A store in which release 1 is live with this tree, and the background is done. */
export async function openPublishedStore(root: string, tree: ModelTree, disk?: Disk): Promise<SiteStore> {
  const store = await openKitStore(root, disk);
  await receiveAndStage(store, assignmentBetween(release(1), new Map(), tree));
  await store.decide(decisionFor(release(1), modelTreeId(tree)));
  await store.settle();
  return store;
}

/** Receives an assignment whole. */
export async function receive(
  store: SiteStore,
  { header, manifest, data }: EncodedAssignment,
): Promise<InboxEntry> {
  const entry = await store.openInbox(manifest);
  for (const index of entry.missingBlocks()) {
    const { offset, length } = blockRange(header, index);
    await entry.writeBlock(index, data.subarray(offset, offset + length));
  }
  return entry;
}

export async function receiveAndStage(
  store: SiteStore,
  assignment: EncodedAssignment,
  signal = new AbortController().signal,
): Promise<TreeProof> {
  return store.stage(await receive(store, assignment), signal);
}
