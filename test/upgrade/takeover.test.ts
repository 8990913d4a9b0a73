// N66: the directories of a CCM and an agent of a former version, taken over by this one: what is live stays, and publishing goes on.

import assert from 'node:assert/strict';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createSeparateFleet } from '../e2e/support/separate-fleet.ts';
import { runProgram } from '../lab/run-program.ts';
import { recordedState, recordedVersions } from './recorded.ts';

const recordedTwins: string[] = [];

for (const version of recordedVersions) {
  test(`N66 ${version}: state directories are taken over`, async (t) => {
    const fleet = await createSeparateFleet(async (ccmDirectory) => {
      const directory = dirname(ccmDirectory);
      await runProgram('tar', ['-xzf', recordedState(version), '-C', directory]);
      await rename(join(directory, 'agent'), join(directory, 'web1'));
      return (await readFile(join(directory, 'token'), 'utf8')).trim();
    });
    t.after(() => fleet.close());
    // Where its CCM was is where it was recorded.
    const identity = join(fleet.directory, 'web1/identity/node.json');
    const text = await readFile(identity, 'utf8');
    await writeFile(identity, text.replace('https://127.0.0.1:17443', fleet.agentUrl));
    assert.equal(await fleet.page('web1', 'docs'), 'two\n');
    const site = join(fleet.directory, 'web1/sites/docs');
    const twin = await readFile(join(site, 'live/p70.html.gz'), 'utf8').catch(() => null);
    if (twin !== null) {
      recordedTwins.push(version);
      assert.notDeepEqual(await readdir(join(site, 'inbox')), [], 'the journal names what is in the inbox');
    }
    await fleet.ccm.start();
    await fleet.agent('web1').start();
    await fleet.untilConnected('web1');
    const { release, lost, nodes } = await fleet.client().sites.status('docs');
    assert.deepEqual([release, lost, nodes[0]?.phase], [{ epoch: 1, sequence: 4 }, undefined, 'live']);
    const verified = await fleet.treecast('verify', 'docs');
    assert.equal(verified.code, 0, verified.stdout);
    assert.equal(await fleet.page('web1', 'docs'), 'two\n');
    const pushed = await fleet.push('docs', 'now', ['--force', '-o', 'allow-delete']);
    assert.match(pushed.stderr, /live 1\/1/);
    assert.equal(await fleet.page('web1', 'docs'), 'now');
    const rolledBack = await fleet.treecast('rollback', 'docs');
    assert.equal(rolledBack.code, 0, rolledBack.stderr);
    assert.equal(await fleet.page('web1', 'docs'), 'two\n');
    assert.equal((await fleet.treecast('verify', 'docs')).code, 0);
    const kept = await readFile(join(site, 'live/p70.html.gz'), 'utf8').catch(() => null);
    assert.equal(kept, twin, 'the tree rolled back to has its twins');
  });
}

test('N66 at least one recorded version has twins, and an inbox that its journal names', () => {
  assert.notDeepEqual(recordedTwins, []);
});
