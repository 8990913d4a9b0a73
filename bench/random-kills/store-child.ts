// `node store-child.ts ROOT KEYS SITE`: opens an agent's store and publishes version after version, until it is killed. A line
// `switched N` for each; started again it goes on from what it finds.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSiteStore } from '../../src/agent/store/create-site-store.ts';
import { assignmentOf, decisionOf } from '../../src/agent/testing/sample-tree.ts';
import { verifyBytes } from '../../src/assignment/signed.ts';
import { blockBytes } from '../../src/model/assignment.ts';
import { siteOf } from './versioned-site.ts';

const [root = '', keys = '', site = ''] = process.argv.slice(2);
const { releasePem, contentKey } = JSON.parse(readFileSync(keys, 'utf8')) as {
  releasePem: string;
  contentKey: { id: string; key: string };
};
const releaseKey = createPrivateKey(releasePem);
const publicKey = createPublicKey(releaseKey);
const store = await createSiteStore({
  root,
  site,
  grant: {
    site,
    contentKeys: [contentKey],
    policy: { autonomous: false, fileMode: '644', executableMode: '755', directoryMode: '755' },
    lastDecision: null,
  },
  verifySignature: (bytes, signature) => verifyBytes(bytes, signature, publicKey),
});
const { live, lastDecision } = store.holding();
let version = live?.release.sequence ?? 0;
let sequence = Math.max(version, lastDecision?.release.sequence ?? 0);
for (;;) {
  sequence += 1;
  const sample = {
    site,
    release: { epoch: 1, sequence },
    base: version === 0 ? {} : siteOf(version),
    target: siteOf(sequence),
    releaseKey,
    contentKey,
  };
  const { manifest, data } = assignmentOf(sample);
  const entry = await store.openInbox(manifest);
  for (const index of entry.missingBlocks())
    await entry.writeBlock(index, data.subarray(index * blockBytes, (index + 1) * blockBytes));
  await store.stage(entry, new AbortController().signal);
  const { outcome } = await store.decide(decisionOf(sample));
  if (outcome !== 'switched') throw new Error(`release ${sequence} was ${outcome}`);
  version = sequence;
  process.stdout.write(`switched ${version}\n`);
  await store.settle();
}
