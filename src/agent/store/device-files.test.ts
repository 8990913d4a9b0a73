// STG-32: devices, pipes and sockets that somebody puts into a site's directories are never opened, read or written through: found as
// drift, replaced, or in the way of nothing. The other tricks are in foreign-hand.test.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { TreecastError } from '../../model/treecast-error.ts';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { createDisk, type Disk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import { expectedOnDisk, type ModelTree, modelFile, modelTreeId, readDisk } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitGrant,
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map([
  ['index.html', modelFile('one', 1)],
  ['css/site.css', modelFile('body {}', 1)],
  ['other.html', modelFile('other', 1)],
]);
const two: ModelTree = new Map([...one, ['index.html', modelFile('two', 2)]]);

/** A copy of /dev/zero, which never ends, of a disk, of a pipe that nobody writes, of a socket. */
const kinds: Readonly<Record<string, (at: string) => void>> = {
  'character device': (at) => void execFileSync('mknod', [at, 'c', '1', '5']),
  'block device': (at) => void execFileSync('mknod', [at, 'b', '7', '250']),
  pipe: (at) => void execFileSync('mkfifo', [at]),
  socket(at) {
    // Bound under a short name, as sockets need; closing it would take the name away.
    const name = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-')), 's');
    createServer().listen(name).unref();
    fs.renameSync(name, at);
    fs.rmdirSync(path.dirname(name));
  },
};

/** Notes whatever is opened and is neither file nor directory. */
function watchedDisk(): { readonly disk: Disk; readonly opened: string[] } {
  const real = createDisk();
  const opened: string[] = [];
  const noted = (fd: number, where: string): number => {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() && !stat.isDirectory()) opened.push(where);
    return fd;
  };
  const disk: Disk = {
    ...real,
    open: (where, ...how) => noted(real.open(where, ...how), where),
    openAsync: async (where, ...how) => noted(await real.openAsync(where, ...how), where),
  };
  return { disk, opened };
}

async function publish(store: SiteStore, sequence: number, from: ModelTree, to: ModelTree): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(sequence), from, to));
  await store.decide(decisionFor(release(sequence), modelTreeId(to)));
}

/** STG-9: a release that meets what is foreign may fail, with a code, and the next one goes on. */
async function publishTwice(
  store: SiteStore,
  sequence: number,
  from: ModelTree,
  to: ModelTree,
): Promise<void> {
  await publish(store, sequence, from, to).catch((error: unknown) => {
    assert.ok(error instanceof TreecastError && error.code !== 'BUG', String(error));
    return publish(store, sequence + 1, from, to);
  });
}

for (const [kind, make] of Object.entries(kinds)) {
  testNeeding(
    ['root'],
    `N44 STG-32 a ${kind} in the live tree is drift, and a repair takes it away`,
    async (t) => {
      const root = makeRoot();
      t.after(() => fs.rmSync(root, { recursive: true }));
      const { disk, opened } = watchedDisk();
      let store = await openPublishedStore(root, one);
      await store.close();
      const drift = { action: 'repair', extra: 'remove', ignore: [] } as const;
      store = await openKitStore(root, disk, { ...kitGrant, policy: { ...kitGrant.policy, drift } });
      t.after(() => store.close());
      const live = fs.realpathSync(path.join(root, kitSite, 'live'));
      fs.rmSync(path.join(live, 'index.html'));
      for (const name of ['index.html', 'css/foreign']) make(path.join(live, name));
      const found = [
        { path: 'css/foreign', problem: 'extra' },
        { path: 'index.html', problem: 'type' },
      ] as const;
      const { signal } = new AbortController();
      assert.deepEqual(await store.check(['index.html', 'css/foreign'], signal), found);
      assert.deepEqual((await store.verify()).drift, found);
      const suspects: string[] = [];
      for await (const visit of store.walk({ after: null, onRead: () => undefined, signal }))
        if (visit.isSuspect) suspects.push(visit.path);
      assert.deepEqual(suspects, ['css/foreign', 'index.html']);
      assert.deepEqual(await store.mend(found, signal), []);
      assert.deepEqual(readDisk(live), expectedOnDisk(one));
      assert.deepEqual(opened, []);
    },
  );

  testNeeding(
    ['root'],
    `STG-32 a ${kind} under any name that staging and switching use is never opened`,
    async (t) => {
      const root = makeRoot();
      t.after(() => fs.rmSync(root, { recursive: true }));
      const { disk, opened } = watchedDisk();
      let store = await openPublishedStore(root, one);
      await store.close();
      store = await openKitStore(root, disk);
      t.after(() => store.close());
      const site = path.join(root, kitSite);
      const idle = fs.readdirSync(path.join(site, 'trees')).filter((name) => name.startsWith('spare-'));
      assert.ok(idle.length > 0);
      const { header } = assignmentBetween(release(2), one, two);
      for (const name of [
        ...idle.map((slot) => `trees/${slot}/index.html`),
        ...['manifest', 'data', 'paths'].map((suffix) => `inbox/${header.id}.${suffix}`),
        'state.json.tmp',
        'state.json.spare',
        'live.tmp',
        'live.spare',
      ]) {
        fs.rmSync(path.join(site, name), { force: true });
        make(path.join(site, name));
      }
      await publish(store, 2, one, two);
      assert.deepEqual(readDisk(path.join(site, 'live')), expectedOnDisk(two));
      await store.settle();
      // A path that the release is not about: its tree is thrown away and made anew.
      const next = fs.readdirSync(path.join(site, 'trees')).filter((name) => name.startsWith('spare-'));
      for (const slot of next) {
        fs.rmSync(path.join(site, 'trees', slot, 'other.html'));
        make(path.join(site, 'trees', slot, 'other.html'));
      }
      await publish(store, 3, two, one).catch(() => publish(store, 4, two, one));
      assert.deepEqual(readDisk(path.join(site, 'live')), expectedOnDisk(one));
      assert.deepEqual((await store.verify()).drift, []);
      assert.deepEqual(opened, []);
    },
  );

  testNeeding(
    ['root'],
    `STG-32 a ${kind} in the place of a site’s own files keeps no site from being opened`,
    async (t) => {
      const root = makeRoot();
      t.after(() => fs.rmSync(root, { recursive: true }));
      const { disk, opened } = watchedDisk();
      let store = await openPublishedStore(root, one);
      t.after(() => store.close());
      await receiveAndStage(store, assignmentBetween(release(2), one, two));
      await store.writeTwin(release(2), 'css/site.css', '.gz', Buffer.from('packed'));
      await store.sealTwins(release(2));
      await store.decide(decisionFor(release(2), modelTreeId(two)));
      let [live, other] = [two, one];
      for (const [round, name] of ['index.db', 'twins.db', 'state.json'].entries()) {
        await store.close();
        fs.rmSync(path.join(root, kitSite, name));
        make(path.join(root, kitSite, name));
        store = await openKitStore(root, disk);
        assert.equal(store.live()?.tree, modelTreeId(live), name);
        await publishTwice(store, 10 * (round + 1), live, other);
        [live, other] = [other, live];
        assert.deepEqual((await store.verify()).drift, [], name);
        const twin = path.join(root, kitSite, 'live', 'css', 'site.css.gz');
        assert.equal(fs.readFileSync(twin, 'utf8'), 'packed', name);
        assert.equal(fs.lstatSync(path.join(root, kitSite, name)).isFile(), true, name);
      }
      assert.deepEqual(opened, []);
    },
  );
}
