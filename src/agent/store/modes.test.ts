// N21: what lies in a tree has the mode of the site's policy and the group of the agent, whatever umask and directories around say.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { type ModelEntry, type ModelTree, modelFile, modelLink, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('one', 1000)],
  ['a/b/run', modelFile('run', 1000, '100755')],
  ['a/link', modelLink('b/run', 1000)],
]);
const two: ModelTree = new Map<string, ModelEntry>([...one, ['new/deep/page.html', modelFile('page', 2000)]]);

/** Modes and groups of everything in the live tree after two publishes below such a root. */
async function published(prepare: (root: string) => void, umask: number): Promise<Record<string, string>> {
  const root = makeRoot();
  prepare(root);
  const before = process.umask(umask);
  try {
    const store = await openPublishedStore(root, one);
    await receiveAndStage(store, assignmentBetween(release(2), one, two));
    await store.decide(decisionFor(release(2), modelTreeId(two)));
    await store.settle();
    assert.deepEqual((await store.verify()).drift, []);
    await store.close();
    const live = fs.realpathSync(path.join(root, kitSite, 'live'));
    const names = fs.readdirSync(live, { recursive: true }) as string[];
    return Object.fromEntries(
      names.sort().map((name) => {
        const { mode, gid } = fs.lstatSync(path.join(live, name));
        return [name, `${mode.toString(8)} ${gid}`];
      }),
    );
  } finally {
    process.umask(before);
    fs.rmSync(root, { recursive: true });
  }
}

testNeeding(
  ['root'],
  'N21 umask 077 and a set-group-id root with another group change nothing in the trees',
  async () => {
    const usual = await published(() => undefined, 0o022);
    assert.equal(usual['index.html'], `100644 ${process.getgid?.()}`);
    assert.equal(usual['a/b'], `40755 ${process.getgid?.()}`);
    assert.deepEqual(await published(() => undefined, 0o077), usual);
    const odd = (root: string): void => {
      fs.chownSync(root, 0, 61_777);
      fs.chmodSync(root, 0o2777);
    };
    assert.deepEqual(await published(odd, 0o000), usual);
  },
);
