// The CCM's own disk is full: where repositories lie, a push is refused; where assignments lie, its job fails; each with a code and no
// half of anything left, and the next push works. Needs root.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { mountTmpfs, type SmallDisk } from '../../src/agent/testing/small-disk.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

const mib = 1024 ** 2;

async function start(
  t: Pick<TestContext, 'after'>,
  place: string,
): Promise<{ fleet: Fleet; author: Author; small: SmallDisk; first: string }> {
  let small: SmallDisk | undefined;
  const fleet = await startFleet({
    prepare(directory) {
      small = mountTmpfs(t, { bytes: 10 * mib, inodes: 1000 }, join(directory, 'ccm', place));
    },
  });
  t.after(() => fleet.stop());
  const author = await createAuthor();
  t.after(() => author.remove());
  assert.ok(small);
  await author.write('index.html', 'first');
  const first = await author.commit();
  assert.match((await author.push(fleet.gitUrl())).stderr, /staged 3\/3 {2}live 3\/3/);
  return { fleet, author, small, first };
}

const headOf = (author: Author, fleet: Fleet) => author.git('ls-remote', fleet.gitUrl(), 'refs/heads/main');

testNeeding(
  ['tmpfs'],
  'N39 the repositories’ disk is full: pushes large and small are refused with a code, no ref moves, the space is given back',
  async (t) => {
    const { fleet, author, small, first } = await start(t, 'repositories');
    const head = await headOf(author, fleet);
    const free = statfsSync(small.directory).bavail;
    await author.write('large.bin', randomBytes(14 * mib));
    await author.commit();
    const large = await author.push(fleet.gitUrl());
    assert.notEqual(large.code, 0);
    assert.match(
      large.stderr,
      /push refused: the disk of the CCM is full or cannot be written \[SPACE_INSUFFICIENT\]/,
      large.stderr,
    );
    assert.ok(free - statfsSync(small.directory).bavail < 4, 'what was received is gone');
    await author.git('reset', '-q', '--hard', 'HEAD~1');
    for (const take of [() => small.fill(), () => small.fillInodes()]) {
      take();
      await author.write('index.html', `second ${Math.random()}`);
      await author.commit();
      const refused = await author.push(fleet.gitUrl());
      assert.notEqual(refused.code, 0);
      assert.match(
        refused.stderr,
        /push refused: the disk of the CCM is full or cannot be written \[SPACE_INSUFFICIENT\]/,
        refused.stderr,
      );
      assert.equal(await headOf(author, fleet), head);
      await fleet.assertServed(first);
      small.empty();
    }
    assert.match((await author.push(fleet.gitUrl())).stderr, /staged 3\/3 {2}live 3\/3/);
    await fleet.assertServed(await author.tree());
  },
);

testNeeding(
  ['tmpfs'],
  'N39 the assignments’ disk is full: the job fails with a code, nothing is left of its files, and publishing again works',
  async (t) => {
    const { fleet, author, small, first } = await start(t, 'assignments');
    small.fill(mib);
    await author.write('large.bin', randomBytes(4 * mib));
    await author.commit();
    const { stderr } = await author.push(fleet.gitUrl());
    assert.match(
      stderr.replaceAll(/\s+(?:remote: )?/g, ' '),
      new RegExp(`the CCM’s file system of ${small.directory} is full \\[SPACE_INSUFFICIENT\\]`),
      stderr,
    );
    await fleet.assertServed(first);
    assert.deepEqual(
      readdirSync(small.directory).filter((name) => name.startsWith('.build-')),
      [],
    );
    assert.ok(statfsSync(small.directory).bavail * 4096 >= mib - 64 * 1024, 'the space is given back');
    small.empty();
    const again = await fleet.treecast('publish', 'sample', '--wait', '--json');
    assert.equal(again.code, 0, again.stdout);
    await fleet.assertServed(await author.tree());
  },
);
