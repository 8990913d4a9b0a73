// A CCM that is killed and started again under living agents: what they hold stays, what was pushed is found, jobs go on.

import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { run } from './support/fleet.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

const sites = ['alpha', 'beta', 'gamma', 'delta'];
let fleet: SeparateFleet;

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  for (const name of sites) await fleet.client().sites.create({ name });
  await (await fleet.join('web1')).start();
});
after(() => fleet.close());

const liveTree = async (site: string) => (await fleet.client().sites.status(site)).nodes[0]?.liveTree ?? null;
const repositoryOf = (site: string) => join(fleet.ccm.directory, 'repositories', `${site}.git`);

test('R4.5 a CCM killed and started again takes nothing away from a node that stays', async () => {
  const trees = new Map<string, string>();
  for (const site of sites) trees.set(site, await fleet.pushed(site, `page of ${site}`));
  for (let round = 0; round < 3; round++) {
    await fleet.ccm.end('SIGKILL');
    await fleet.ccm.start();
    await fleet.untilConnected('web1');
    for (const site of sites) {
      assert.equal(await liveTree(site), trees.get(site));
      assert.equal(await fleet.page('web1', site), `page of ${site}`);
    }
  }
});

test('a branch that moved while no CCM ran is found and published', async () => {
  await fleet.ccm.end();
  await fleet.author.write('index.html', 'moved behind its back');
  const tree = await fleet.author.commit();
  const fetched = await run('git', [
    '-C',
    repositoryOf('alpha'),
    'fetch',
    '-q',
    fleet.author.directory,
    '+HEAD:refs/heads/main',
  ]);
  assert.equal(fetched.code, 0, fetched.stderr);
  await fleet.ccm.start();
  await until('alpha is published', async () => (await liveTree('alpha')) === tree, 30_000);
  const [job] = await fleet.client().jobs.list({ site: 'alpha', limit: 1 });
  assert.equal(job?.requestedBy, 'recovery');
});

test('a CCM killed right after the ref moved and before there is a job: the push is found at start', async () => {
  const hook = join(repositoryOf('beta'), 'hooks', 'reference-transaction');
  const script = `#!/bin/sh
[ "$1" = committed ] || exit 0
while read -r before after ref; do [ "$ref" = refs/heads/main ] && kill -9 ${fleet.ccm.pid}; done
exit 0
`;
  await writeFile(hook, script, { mode: 0o755 });
  const jobs = (await fleet.client().jobs.list({ site: 'beta', limit: 100 })).length;
  const pushed = await fleet.push('beta', 'moved, and then the CCM was gone', ['--force']);
  assert.notEqual(pushed.code, 0, 'the pusher is not told that it was published');
  await fleet.ccm.ended();
  const tree = await fleet.author.tree();
  await rm(hook);
  await fleet.ccm.start();
  await until('beta is published', async () => (await liveTree('beta')) === tree, 30_000);
  const [job, ...others] = await fleet.client().jobs.list({ site: 'beta', limit: 100 });
  assert.equal(job?.requestedBy, 'recovery');
  assert.equal(others.length, jobs, 'one job, and once');
  assert.equal(await fleet.pushed('beta', 'and the next one goes as usual'), await liveTree('beta'));
});
