// One of three servers has a small disk: what the pusher reads, what the others do, and that nothing has to be started again. The CCM's
// own disk: a push that it has no room for. Real processes, real file systems; needs root.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { mountTmpfs, type SmallDisk } from '../../src/agent/testing/small-disk.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

const mib = 1024 ** 2;

async function start(
  t: Pick<TestContext, 'after'>,
  place: readonly string[],
  size: { readonly bytes: number; readonly inodes: number },
): Promise<{ fleet: Fleet; author: Author; small: SmallDisk }> {
  let small: SmallDisk | undefined;
  const fleet = await startFleet({
    prepare(directory) {
      small = mountTmpfs(t, size, join(directory, ...place));
    },
  });
  t.after(() => fleet.stop());
  const author = await createAuthor();
  t.after(() => author.remove());
  assert.ok(small);
  return { fleet, author, small };
}

async function assertUndone(fleet: Fleet, tree: string): Promise<void> {
  await fleet.assertServed(tree);
  const { nodes } = await fleet.admin.sites.status('sample');
  assert.deepEqual(
    nodes.map((node) => node.liveTree),
    [tree, tree, tree],
  );
  await until('every staging is undone', () =>
    fleet.up.ready.nodes.every(({ name }) => {
      const site = join(fleet.directory, 'agents', name, 'sites', 'sample');
      const trees = readdirSync(join(site, 'trees')).filter((slot) => slot !== '.work');
      return (
        !readdirSync(join(site, 'inbox')).some((file) => file.endsWith('.data')) &&
        readdirSync(join(site, 'trees', '.work')).length === 0 &&
        trees.every((slot) => readdirSync(join(site, 'trees', slot)).join() === 'index.html')
      );
    }),
  );
}

testNeeding(
  ['tmpfs'],
  'N39, R2.6: one server has too little space: told how much and where, undone everywhere, and the next push works',
  async (t) => {
    const { fleet, author, small } = await start(t, ['agents', 'node2', 'sites'], {
      bytes: 12 * mib,
      inodes: 500,
    });
    await author.write('index.html', 'first');
    const first = await author.commit();
    assert.match((await author.push(fleet.gitUrl())).stderr, /staged 3\/3 {2}live 3\/3/);
    await fleet.assertServed(first);

    await author.write('large.bin', randomBytes(14 * mib));
    await author.commit();
    const refused = await author.push(fleet.gitUrl());
    assert.match(refused.stderr, /not published: 1 of 3 nodes did not stage; nothing was switched/);
    const told = new RegExp(
      `node2: the release needs 2\\d\\.\\d MiB and 1 inode on the file system of ${small.directory}/sample, which has 11\\.\\d MiB and 4\\d\\d inodes left ` +
        '\\[SPACE_INSUFFICIENT\\] — Free at least 1\\d\\.\\d MiB there, then publish again\\.',
    );
    assert.match(refused.stderr.replaceAll(/\s+(?:remote: )?/g, ' '), told);
    await assertUndone(fleet, first);

    await author.git('reset', '-q', '--hard', 'HEAD~1');
    for (let page = 0; page < 600; page++) await author.write(`pages/${page}.html`, `page ${page}`);
    await author.commit();
    const inodes = await author.push(fleet.gitUrl(), ['--force']);
    assert.match(
      inodes.stderr.replaceAll(/\s+(?:remote: )?/g, ' '),
      /node2: the release needs \d\.\d MiB and 60\d inodes .* Free at least \d+ inodes there/,
    );
    await assertUndone(fleet, first);

    await author.git('reset', '-q', '--hard', 'HEAD~1');
    await author.write('index.html', 'second');
    small.fill();
    const second = await author.commit();
    const full = await author.push(fleet.gitUrl(), ['--force']);
    assert.match(full.stderr, /node2: .*\[SPACE_INSUFFICIENT\]/);
    await assertUndone(fleet, first);

    small.empty();
    const { code, stdout } = await fleet.treecast('publish', 'sample', '--wait', '--json');
    assert.equal(code, 0, stdout);
    await fleet.assertServed(second);
    await until('the space is given back', () => statfsSync(small.directory).bavail * 4096 > 11 * mib);
  },
);

testNeeding(
  ['tmpfs'],
  'N39, JOB-6: with a quorum the others go on, and the full server follows by itself when there is room',
  async (t) => {
    const { fleet, author, small } = await start(t, ['agents', 'node2', 'sites'], {
      bytes: 12 * mib,
      inodes: 500,
    });
    await fleet.admin.sites.update('sample', { policy: { commit: { count: 2, share: 0.5 } } });
    await author.write('index.html', 'first');
    const first = await author.commit();
    await author.push(fleet.gitUrl());
    // The quorum decides without the third, which follows.
    await until('all serve the first', async () =>
      (await fleet.admin.sites.status('sample')).nodes.every((node) => node.liveTree === first),
    );
    small.fill();
    small.fillInodes();
    await author.write('index.html', 'second');
    const second = await author.commit();
    const { stderr } = await author.push(fleet.gitUrl());
    assert.match(stderr, /staged 2\/3 {2}live 2\/3/);
    assert.match(stderr, /node2: .*\[SPACE_INSUFFICIENT\]/);
    const served = await fleet.fetchAll('/');
    assert.deepEqual(
      served.map(({ body }) => body),
      ['second', 'first', 'second'],
    );
    small.empty();
    await until(
      'node2 has followed',
      async () => (await fleet.admin.sites.status('sample')).nodes.every((node) => node.liveTree === second),
      60_000,
    );
    await fleet.assertServed(second);
  },
);
