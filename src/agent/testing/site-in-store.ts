// A real store in a temporary directory, and publishing into it without a CCM.

import { createPublicKey } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContentKey } from '../../assignment/seal.ts';
import { verifyBytes } from '../../assignment/signed.ts';
import { blockBytes } from '../../model/assignment.ts';
import type { SiteGrant } from '../../model/messages.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { createSiteStore } from '../store/create-site-store.ts';
import type { SiteStore } from '../store/site-store.ts';
import { assignmentOf, decisionOf, type SampleRelease, type SampleTree, treeOf } from './sample-tree.ts';

export const site = 'sample';
export const releaseKey = generatePrivateKey();
export const contentKey: ContentKey = { id: 'sample-1', key: Buffer.alloc(32, 0x11).toString('base64') };
export const grant: SiteGrant = {
  site,
  contentKeys: [{ id: contentKey.id, key: contentKey.key }],
  policy: { autonomous: false, fileMode: '644', executableMode: '755', directoryMode: '755' },
  lastDecision: null,
};

export interface SiteInStore {
  readonly root: string;
  readonly store: SiteStore;
  /** Stages and switches; resolves to the tree id. */
  publish(target: SampleTree): Promise<string>;
}

export function sampleRelease(sequence: number, base: SampleTree, target: SampleTree): SampleRelease {
  return { site, release: { epoch: 1, sequence }, base, target, releaseKey, contentKey };
}

export async function openSiteInStore(t: TestScope): Promise<SiteInStore> {
  const root = join(temporaryDirectory(t), 'sites');
  mkdirSync(root);
  const publicKey = createPublicKey(releaseKey);
  const verifySignature = (bytes: Uint8Array, signature: Uint8Array): boolean =>
    verifyBytes(bytes, signature, publicKey);
  const store = await createSiteStore({ root, site, grant, verifySignature });
  t.after(() => store.close());
  let sequence = 0;
  let live: SampleTree = {};
  return {
    root,
    store,
    async publish(target) {
      sequence += 1;
      const release = sampleRelease(sequence, live, target);
      const { manifest, data } = assignmentOf(release);
      const entry = await store.openInbox(manifest);
      for (const index of entry.missingBlocks()) {
        await entry.writeBlock(index, data.subarray(index * blockBytes, (index + 1) * blockBytes));
      }
      await store.stage(entry, new AbortController().signal);
      await store.decide(decisionOf(release));
      live = target;
      return treeOf(target);
    },
  };
}
