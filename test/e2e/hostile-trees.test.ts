// Trees made to harm or confuse, through the two ways in: a push made by hand, which no git client would send, and a publish of a commit
// whose objects got into the repository some other way. Each is refused with a reason, in bounded time, and nothing changes.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type HostileTree, honestNames, hostileTrees } from '../../src/git-source/guards/hostile-trees.ts';
import {
  createTestObjects,
  file,
  looseObjectWriter,
  type TestTree,
  utf8Name,
} from '../../src/git-source/test-objects.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { type Fleet, startFleet } from './support/fleet.ts';
import { objectCollector, rawPush } from './support/raw-push.ts';

let fleet: Fleet;
let live: string;

before(async () => {
  fleet = await startFleet({ agents: 1 });
  const { objects, collected } = objectCollector();
  const names: TestTree = Object.fromEntries(honestNames.map((name) => [utf8Name(name), file('1')]));
  live = objects.writeTree({ honest: names, 'index.html': file('live') });
  const text = await rawPush(fleet.gitUrl(), objects.commit(live), collected.values());
  assert.match(text, /staged 1\/1 {2}live 1\/1/, 'PUSH-20: honest names are published');
  await fleet.assertServed(live);
});
after(() => fleet.stop());

/** One of each kind: Git's own checks know the other disguises of `.git` as well as these. */
const kinds = hostileTrees.filter(({ name }) => !/"\.g.it"/u.test(name) || name.includes('\u200c'));

for (const hostile of kinds) {
  test(`N57 N58 N35: pushed: ${hostile.name}`, async () => {
    const { objects, collected } = objectCollector();
    const commit = objects.commit(hostile.make(objects));
    const text = await rawPush(fleet.gitUrl(), commit, collected.values());
    assert.match(text, /ng refs\/heads\/main|unpack (?!ok)|error/, text);
    assert.match(text, refusalOf(hostile));
    // Git's own lines end with a line break; what is ours has no other control character.
    assert.doesNotMatch(text.replaceAll(/[\n\r]/g, ''), /[\p{Cc}\u200b-\u200f\u202a-\u202e]/u);
    assert.equal((await fleet.admin.sites.status('sample')).tree, live);
  });
}

function refusalOf({ fsck, code }: HostileTree): RegExp {
  return fsck ?? new RegExp(`\\[${code}\\]|${code}`);
}

test('a commit whose tree is missing, and one that is no commit', async () => {
  const { objects, collected } = objectCollector();
  const text = await rawPush(fleet.gitUrl(), objects.commit('1'.repeat(40)), collected.values());
  assert.match(text, /missing|unpack|ng /);
  const tree = objects.writeTree({ x: file('x') });
  assert.match(await rawPush(fleet.gitUrl(), tree, collected.values()), /ng refs\/heads\/main/);
});

test('published by commit: objects that no push brought are judged all the same', async () => {
  const repository = join(fleet.directory, 'ccm', 'repositories', 'sample.git');
  const objects = createTestObjects(looseObjectWriter(repository));
  const told: string[] = [];
  for (const hostile of kinds) {
    const commit = objects.commit(hostile.make(objects));
    const error = await errorOfPublish(commit);
    if (error?.code !== hostile.code) told.push(`${hostile.name}: ${JSON.stringify(error)}`);
  }
  assert.deepEqual(told, []);
  await fleet.assertServed(live);
});

/** What the job, or the request for it, was refused with; undefined when it was published. */
async function errorOfPublish(
  ref: string,
): Promise<{ readonly code: string; readonly message: string } | undefined> {
  try {
    const { id } = await fleet.admin.sites.publish('sample', { ref });
    for await (const update of fleet.admin.jobs.follow(id)) {
      if (update.kind === 'end') return update.job.error ?? undefined;
    }
  } catch (error) {
    if (error instanceof TreecastError) return error;
    throw error;
  }
  return undefined;
}
