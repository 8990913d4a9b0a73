// An agent whose state directory may only be read, when it starts and while it runs: it says so, serves what it has, and goes on by itself
// when it may write again. Real processes, real mounts; needs root.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { mountTmpfs, type SmallDisk } from '../../src/agent/testing/small-disk.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { Machine } from './support/machine.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
});
after(() => fleet?.close());

/** A node with a disk of its own, on which the first page is live. */
async function startWeb(t: { after(run: () => Promise<void>): void }): Promise<[Machine, SmallDisk]> {
  const home = join(fleet.directory, 'web');
  const unmounts: (() => void)[] = [];
  const disk = mountTmpfs(
    { after: (unmount: () => void) => void unmounts.push(unmount) },
    { bytes: 32 * 1024 ** 2, inodes: 2_000 },
    home,
  );
  t.after(async () => {
    await web?.end();
    for (const unmount of unmounts) unmount();
    await fleet.client().nodes.remove('web');
    rmSync(home, { recursive: true });
  });
  const web = await fleet.join('web');
  await web.start();
  await fleet.untilLive('web', await fleet.pushed('docs', 'first'));
  return [web, disk];
}

testNeeding(
  ['tmpfs'],
  'STG-30: an agent that starts over a state directory on a read-only disk serves on, fails releases by name, and needs no restart when it is writable again',
  async (t) => {
    const [web, disk] = await startWeb(t);
    await web.end();
    disk.remount('ro');
    await web.start();
    await fleet.untilConnected('web');
    const refused = await fleet.push('docs', 'second', ['--force']);
    assert.match(
      refused.stderr.replaceAll(/\s+(?:remote: )?/g, ' '),
      /web: staging it: the file system of \S+\/web\/sites\/docs is mounted read-only \[DISK_FAILED\]/,
    );
    assert.equal(await fleet.page('web', 'docs'), 'first');
    disk.remount('rw');
    const third = await fleet.pushed('docs', 'third');
    await fleet.untilLive('web', third);
    await fleet.assertVerified(third, ['web']);
  },
);

testNeeding(
  ['tmpfs'],
  'STG-30: an agent that cannot start without writing names the disk, and is no defect',
  async (t) => {
    const [web, disk] = await startWeb(t);
    for (const spoil of [
      () => chmodSync(join(web.directory, 'identity', 'node.json'), 0o644),
      () => rmSync(join(web.directory, 'sites'), { recursive: true }),
      () => rmSync(join(web.directory, 'lock')),
    ]) {
      await web.end();
      spoil();
      disk.remount('ro');
      const { code, stderr } = await fleet.treecast('agent', 'run', '--dir', web.directory);
      assert.notEqual(code, 0);
      assert.match(
        stderr,
        /^error: the state directory cannot be used: the file system of \S+\/web\S* is mounted read-only \[DISK_FAILED\]/,
      );
      disk.remount('rw');
      await web.start();
    }
    await web.end();
    disk.remount('ro');
    const { token } = await fleet.client().joinTokens.create();
    const other = join(web.directory, 'other');
    for (const command of [
      ['agent', 'join', token, '--dir', other, '--name', 'other'],
      ['ccm', 'init', '--dir', other],
    ]) {
      const { stderr } = await fleet.treecast(...command);
      assert.match(stderr, /^error: .*the file system of \S+\/web\S* is mounted read-only \[DISK_FAILED\]/);
    }
    disk.remount('rw');
  },
);

testNeeding(
  ['tmpfs'],
  'STG-30: grants that cannot be written while the agent runs are told, and written when they can be',
  async (t) => {
    const [web] = await startWeb(t);
    const identity = join(web.directory, 'identity');
    const kept = () => readFileSync(join(identity, 'sites.json'), 'utf8');
    await until('the grants are written', () => existsSync(join(identity, 'sites.json')));
    execFileSync('mount', ['--bind', identity, identity]);
    let before = '';
    try {
      execFileSync('mount', ['-o', 'remount,bind,ro', identity]);
      before = kept();
      await fleet.client().keys.rotate({ kind: 'content', site: 'docs' });
      await until('it is told', () => /the grants could not be written/.test(web.log()));
      assert.match(web.log(), /EROFS/);
      await fleet.assertVerified(await fleet.pushed('docs', 'sealed anew'), ['web']);
      assert.equal(kept(), before);
    } finally {
      execFileSync('umount', ['--lazy', identity]);
    }
    await fleet.client().keys.rotate({ kind: 'content', site: 'docs' });
    await until('they are written', () => kept() !== before);
  },
);
