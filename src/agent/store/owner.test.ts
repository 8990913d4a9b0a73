// N21: who the files of the trees belong to, by the site's policy: when they are made, when the policy changes, when somebody changes
// them; and what a node says that cannot do it. Another uid is taken for the last, so no two tests of this file may run at once.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { createDisk, type Disk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import { type ModelEntry, type ModelTree, modelFile, modelLink, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitGrant,
  kitSite,
  makeRoot,
  openKitStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('one', 1000)],
  ['a/b/run', modelFile('run', 1001, '100755')],
  ['a/large.bin', modelFile(Buffer.alloc(5_000_000, 'large '), 1002)],
  ['a/link', modelLink('b/run', 1003)],
  ['z/page.html', modelFile('page', 1004)],
]);
const two: ModelTree = new Map<string, ModelEntry>([
  ...one,
  ['index.html', modelFile('two', 2000)],
  ['a/b/run', modelFile('run', 2001)],
  ['new/deep/page.html', modelFile('new', 2002)],
  ['new/link', modelLink('deep/page.html', 2003)],
]);
const user = 61_903;
const group = 61_904;
const named = { owner: String(user), group: String(group) };
const never = new AbortController().signal;

type Policy = typeof kitGrant.policy;

const grantOf = (policy: Partial<Policy>) => ({ ...kitGrant, policy: { ...kitGrant.policy, ...policy } });

async function publish(store: SiteStore, sequence: number, base: ModelTree, target: ModelTree) {
  await receiveAndStage(store, assignmentBetween(release(sequence), base, target));
  await store.decide(decisionFor(release(sequence), modelTreeId(target)));
}

/** In a directory of its own, as the user it belongs to. */
async function inStore(
  policy: Partial<Policy>,
  body: (store: SiteStore, root: string) => Promise<void>,
  uid = 0,
  disk?: Disk,
): Promise<void> {
  const root = makeRoot();
  fs.chownSync(root, uid, uid);
  const groups = process.getgroups?.() ?? [];
  try {
    process.setegid?.(uid);
    if (uid !== 0) process.setgroups?.([]);
    process.seteuid?.(uid);
    const store = await openKitStore(root, disk, grantOf(policy));
    try {
      await body(store, root);
    } finally {
      await store.close();
    }
  } finally {
    asRoot(() => undefined);
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
    fs.rmSync(root, { recursive: true });
  }
}

function asRoot<T>(body: () => T): T {
  const before = process.geteuid?.() ?? 0;
  process.seteuid?.(0);
  const result = body();
  process.seteuid?.(before);
  return result;
}

const live = (root: string) => fs.realpathSync(path.join(root, kitSite, 'live'));

function ownersBelow(directory: string): string[] {
  const names = ['.', ...(fs.readdirSync(directory, { recursive: true }) as string[])];
  const owners = names.map((name) => {
    const { uid, gid } = fs.lstatSync(path.join(directory, name));
    return `${uid}:${gid}`;
  });
  return [...new Set(owners)];
}

/** Of everything in all trees that are kept. */
function ownersIn(root: string): string[] {
  const trees = path.join(root, kitSite, 'trees');
  const names = fs.readdirSync(trees).filter((name) => !name.startsWith('.'));
  assert.ok(names.length > 0);
  return [...new Set(names.flatMap((name) => ownersBelow(path.join(trees, name))))];
}

async function found(store: SiteStore) {
  const suspects: string[] = [];
  for await (const visit of store.walk({ after: null, onRead: () => undefined, signal: never }))
    if (visit.isSuspect) suspects.push(visit.path);
  return store.check(suspects, never);
}

testNeeding(
  ['root'],
  'STG-39 N21 every file, directory, symlink and twin of all trees belongs to whom the policy says',
  async () => {
    await inStore(named, async (store, root) => {
      await publish(store, 1, new Map(), one);
      await store.settle();
      assert.deepEqual(ownersIn(root), [`${user}:${group}`], 'made from nothing, and by links');
      await receiveAndStage(store, assignmentBetween(release(2), one, two));
      await store.writeTwin(release(2), 'index.html', '.gz', Buffer.from('twin'));
      await store.sealTwins(release(2));
      await store.decide(decisionFor(release(2), modelTreeId(two)));
      assert.deepEqual(ownersIn(root), [`${user}:${group}`], 'edited, and with a twin');
      await store.settle();
      await publish(store, 3, two, one);
      await publish(store, 4, one, two);
      await store.settle();
      assert.deepEqual(ownersIn(root), [`${user}:${group}`], 'caught up, with directories that come and go');
      const { proof, drift } = await store.verify();
      assert.deepEqual([proof.tree, drift], [modelTreeId(two), []]);
      assert.deepEqual(await found(store), []);
    });
    await inStore({ group: named.group }, async (store, root) => {
      await publish(store, 1, new Map(), one);
      assert.deepEqual(ownersIn(root), [`0:${group}`], 'a policy may name one of the two');
    });
    await inStore({}, async (store, root) => {
      await publish(store, 1, new Map(), one);
      assert.deepEqual(ownersIn(root), ['0:0']);
      fs.chownSync(path.join(live(root), 'index.html'), user, group);
      assert.deepEqual((await store.verify()).drift, [], 'and without one nobody looks');
    });
  },
);

testNeeding(
  ['root'],
  'STG-39 names are those of the node’s own files; an unknown one fails before anything is received',
  async () => {
    const [, , nobody] = /^(nobody):[^:]*:(\d+):/m.exec(fs.readFileSync('/etc/passwd', 'utf8')) ?? [];
    const [, , nogroup] = /^(nogroup):[^:]*:(\d+):/m.exec(fs.readFileSync('/etc/group', 'utf8')) ?? [];
    await inStore({ owner: 'nobody', group: 'nogroup' }, async (store, root) => {
      await publish(store, 1, new Map(), one);
      // The background makes its trees now, and not while the names below are compared.
      await store.settle();
      assert.deepEqual(ownersIn(root), [`${nobody}:${nogroup}`]);
      const inbox = path.join(root, kitSite, 'inbox');
      const before = [fs.readdirSync(inbox), fs.readdirSync(path.join(root, kitSite, 'trees'))];
      const { manifest } = assignmentBetween(release(2), one, two);
      for (const [policy, message] of [
        [{ owner: 'no-such-user' }, 'this node has no user no-such-user in /etc/passwd'],
        [{ group: 'no-such-group' }, 'this node has no group no-such-group in /etc/group'],
      ] as const) {
        store.updateGrant(grantOf(policy));
        await assert.rejects(store.openInbox(manifest), { code: 'OWNER_UNAVAILABLE', message });
        await assert.rejects(store.verify(), { code: 'OWNER_UNAVAILABLE', message });
        assert.deepEqual(await found(store), [], 'what is not known has not drifted');
      }
      assert.deepEqual([fs.readdirSync(inbox), fs.readdirSync(path.join(root, kitSite, 'trees'))], before);
    });
  },
);

testNeeding(
  ['root'],
  'STG-40 a changed policy reaches what is there by repair, in all trees, as new inodes that they share',
  async () => {
    await inStore({}, async (store, root) => {
      await publish(store, 1, new Map(), one);
      await store.settle();
      await publish(store, 2, one, two);
      await store.settle();
      const trees = path.join(root, kitSite, 'trees');
      const held = fs.openSync(path.join(live(root), 'z/page.html'), 'r');
      store.updateGrant(grantOf(named));
      const drift = await found(store);
      assert.deepEqual(
        drift.map(({ path: name, problem }) => `${problem} ${name}`),
        [
          ...['.', 'a', 'a/b', 'a/b/run', 'a/large.bin', 'a/link', 'index.html', 'new', 'new/deep'],
          ...['new/deep/page.html', 'new/link', 'z', 'z/page.html'],
        ].map((name) => `owner ${name}`),
      );
      assert.deepEqual((await store.verify()).drift.length, drift.length);
      assert.deepEqual(await store.mend(drift, never), []);
      assert.deepEqual((await store.verify()).drift, []);
      for (const [name, { mtime }] of two)
        assert.equal(fs.lstatSync(path.join(live(root), name)).mtimeMs, mtime * 1000, name);
      assert.equal(fs.fstatSync(held).uid, 0, 'no inode that somebody may have open was changed');
      fs.closeSync(held);
      await store.settle();
      assert.deepEqual(ownersIn(root), [`${user}:${group}`]);
      const inodes = fs
        .readdirSync(trees)
        .filter((name) => !name.startsWith('.'))
        .map((name) => fs.statSync(path.join(trees, name, 'z/page.html')).ino);
      assert.deepEqual([inodes.length, new Set(inodes).size], [3, 1]);
      await publish(store, 3, two, one);
      assert.deepEqual((await store.verify()).drift, []);
    });
  },
);

testNeeding(
  ['root'],
  'STG-40 N44 what somebody gives to another is found as `owner` and put right, nothing else is touched',
  async () => {
    await inStore(named, async (store, root) => {
      await receiveAndStage(store, assignmentBetween(release(1), new Map(), one));
      await store.writeTwin(release(1), 'z/page.html', '.br', Buffer.from('twin'));
      await store.sealTwins(release(1));
      await store.decide(decisionFor(release(1), modelTreeId(one)));
      await store.settle();
      const changed = ['.', 'a', 'a/large.bin', 'a/link', 'index.html', 'z/page.html.br'];
      for (const name of changed) fs.lchownSync(path.join(live(root), name), 0, group);
      const untouched = fs.statSync(path.join(live(root), 'z/page.html')).ino;
      const expected = changed.map((name) => ({ path: name, problem: 'owner' }));
      assert.deepEqual((await store.verify()).drift, expected);
      assert.deepEqual(await found(store), expected);
      assert.deepEqual(await store.mend(expected as never, never), []);
      assert.deepEqual((await store.verify()).drift, []);
      assert.deepEqual(ownersBelow(live(root)), [`${user}:${group}`]);
      assert.equal(fs.statSync(path.join(live(root), 'z/page.html')).ino, untouched);
      assert.equal(fs.readFileSync(path.join(live(root), 'z/page.html.br'), 'utf8'), 'twin');
      assert.equal(fs.readlinkSync(path.join(live(root), 'a/link')), 'b/run');
    });
  },
);

testNeeding(
  ['root'],
  'STG-39 an agent without the capabilities refuses before anything is received, and goes on repairing contents',
  async () => {
    const message = `this agent cannot give files to user ${user} and group ${group}: it lacks CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER`;
    await inStore(
      {},
      async (store, root) => {
        await publish(store, 1, new Map(), one);
        await store.settle();
        const assignment = assignmentBetween(release(2), one, two);
        const entry = await receive(store, assignment);
        store.updateGrant(grantOf(named));
        await assert.rejects(store.stage(entry, never), { code: 'OWNER_UNAVAILABLE', message });
        const inbox = fs.readdirSync(path.join(root, kitSite, 'inbox'));
        await assert.rejects(store.openInbox(assignment.manifest), { code: 'OWNER_UNAVAILABLE', message });
        assert.deepEqual(fs.readdirSync(path.join(root, kitSite, 'inbox')), inbox);
        const page = path.join(live(root), 'z/page.html');
        fs.rmSync(page);
        fs.writeFileSync(page, 'changed');
        const drift = await found(store);
        assert.deepEqual(
          drift.filter(({ problem }) => problem !== 'owner'),
          [{ path: 'z/page.html', problem: 'content' }],
        );
        const left = await store.mend(drift, never);
        assert.equal(fs.readFileSync(page, 'utf8'), 'page');
        assert.deepEqual([...new Set(left.map(({ problem }) => problem))], ['owner']);
        await store.settle();
        store.updateGrant(kitGrant);
        await publish(store, 2, one, two);
        assert.deepEqual((await store.verify()).drift, []);
      },
      61_902,
    );
  },
);

testNeeding(
  ['root'],
  'STG-39 a system that refuses the call all the same is told before anything is received',
  async () => {
    const disk = createDisk((effect, name) => {
      if (effect === 'metadata' && name.includes('/.work/'))
        throw Object.assign(new Error('no such id in this user namespace'), { code: 'EINVAL' });
    });
    const body = async (store: SiteStore, root: string) => {
      const { manifest } = assignmentBetween(release(1), new Map(), one);
      const message = `this agent cannot give files to user ${user} and group ${group}: chown says EINVAL`;
      await assert.rejects(store.openInbox(manifest), { code: 'OWNER_UNAVAILABLE', message });
      for (const name of ['inbox', 'trees/.work'])
        assert.deepEqual(fs.readdirSync(path.join(root, kitSite, name)), [], name);
    };
    await inStore(named, body, 0, disk);
  },
);

testNeeding(['root'], 'STG-39 a group that the agent is a member of needs no capability', async () => {
  await inStore(
    { ...named, owner: '61902' },
    async (store, root) => {
      const { manifest } = assignmentBetween(release(1), new Map(), one);
      await assert.rejects(store.openInbox(manifest), {
        code: 'OWNER_UNAVAILABLE',
        message: /lacks CAP_CHOWN$/,
      });
      asRoot(() => process.setgroups?.([group]));
      await publish(store, 1, new Map(), one);
      await store.settle();
      await publish(store, 2, one, two);
      await store.settle();
      assert.deepEqual(ownersIn(root), [`61902:${group}`]);
      assert.deepEqual((await store.verify()).drift, []);
    },
    61_902,
  );
});
