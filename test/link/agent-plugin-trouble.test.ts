// Plugins that fail behind the switch, on a real agent: stale on the right tree, the way back, and who hears of it when.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { treeOf } from '../../src/agent/testing/sample-tree.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { welcomeOf } from './linked-agent.ts';
import { linkRecorded, one, two } from './recorded-agent.ts';

test('PLG-6 PLG-8: what fails behind the switch makes the node stale on the right tree, over a reconnection and a restart, until it succeeds', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  script({ afterSwitch: 'fail' });
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  await linked.next('staged');
  linked.say(linked.decide(release));
  const stale = await linked.next('stale');
  assert.equal(stale.live?.tree, treeOf(one));
  assert.equal(stale.error.code, 'PLUGIN_FAILED');
  const decided = linked.decide(release);
  assert.ok(decided.type === 'decision');
  await linked.restartCcm(decided.decision);
  assert.equal((await linked.next('stale')).error.message, stale.error.message);
  calls();
  script({});
  await linked.restartAgent();
  assert.ok(calls().some((line) => line.startsWith('afterSwitch start 1-0001')));
  // Nobody has to ask: a node that mended itself at start says so when it is welcomed.
  const { receipt } = await linked.next('switched');
  assert.deepEqual([receipt.tree, receipt.hooks?.at(-1)?.hook], [treeOf(one), 'probe']);
});

test('PLG-6: a node whose hooks failed tries again at once when it is told the decision again', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  script({ afterSwitch: 'fail' });
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  await linked.next('staged');
  linked.say(linked.decide(release));
  await linked.next('stale');
  calls();
  linked.say(linked.decide(release));
  await linked.next('stale');
  assert.equal(calls().filter((line) => line.startsWith('afterSwitch start')).length, 1);
  script({});
  linked.say(linked.decide(release));
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(one));
});

test('PLG-2: a node whose plugin could not attach is stale until it can, and is told so', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  const release = linked.release(1, {}, one);
  await linked.publish(release);
  script({ attach: 'fail' });
  await linked.restartAgent();
  const decided = linked.decide(release);
  assert.ok(decided.type === 'decision');
  linked.say(welcomeOf(linked.ccm, decided.decision));
  const stale = await linked.next('stale');
  assert.equal(stale.error.message, 'recorder: the recorder refuses attach');
  assert.equal(stale.live?.tree, treeOf(one));
  calls();
  linked.say(decided);
  await linked.next('stale');
  assert.deepEqual(calls(), ['attach']);
  script({});
  // Nobody has to ask: it is tried again by itself.
  const { receipt } = await linked.next('switched');
  assert.deepEqual(calls(), ['attach']);
  assert.deepEqual([receipt.tree, receipt.hooks?.map(({ hook }) => hook)], [treeOf(one), ['attach']]);
  await linked.next('siteFacts');
});

test('PLG-7 N32: a failed probe with switchBack returns this node to its former tree, where it stays', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  script({ probe: 'switchBack' });
  const release = linked.release(2, one, two);
  linked.say(linked.inline(release));
  await linked.next('staged');
  calls();
  linked.say(linked.decide(release));
  const stale = await linked.next('stale');
  assert.equal(stale.error.code, 'PROBE_FAILED');
  assert.match(stale.error.message, /the page is wrong; this node returned to its former tree/);
  assert.equal(stale.live?.tree, treeOf(one));
  assert.equal((await linked.fetch('/')).text, 'one');
  assert.deepEqual(
    calls().map((line) => line.split(' ').slice(0, 3).join(' ')),
    [
      'switch publish 1-0002',
      'afterSwitch publish 1-0002',
      'probe publish 1-0002',
      'switch switch-back 1-0001',
      'afterSwitch switch-back 1-0001',
      'probe switch-back 1-0001',
    ],
  );
  // Told again, by the decision itself and by a welcome after a restart, it does not go there a second time.
  const decided = linked.decide(release);
  linked.say(decided);
  assert.equal((await linked.next('stale')).error.code, 'PROBE_FAILED');
  script({});
  await linked.restartAgent();
  assert.ok(decided.type === 'decision');
  linked.say(welcomeOf(linked.ccm, decided.decision));
  assert.equal((await linked.next('stale')).error.code, 'PROBE_FAILED');
  assert.equal((await linked.fetch('/')).text, 'one');
  // The next release is another matter.
  await linked.publish(linked.release(3, one, { 'index.html': 'three' }));
  assert.equal((await linked.fetch('/')).text, 'three');
});

test('PLG-5: a switch that was interrupted before its hooks is finished at the next start', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  calls();
  const pending = join(linked.directory, 'plugins', '.pending', 'sample.json');
  assert.ok(!existsSync(pending));
  // As a kill between the switch and its hooks leaves it.
  const note = { version: 1, release: { epoch: 1, sequence: 1 }, refused: null };
  writeFileSync(pending, JSON.stringify(note));
  script({ attach: 'fail' });
  await linked.restartAgent();
  assert.deepEqual(calls(), ['attach']);
  assert.ok(existsSync(pending));
  script({});
  await linked.restartAgent();
  assert.deepEqual(
    calls().map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['attach', 'switch start 1-0001', 'afterSwitch start 1-0001', 'probe start 1-0001'],
  );
  assert.ok(!existsSync(pending));
});

test('PLG-6: when a restart mends what failed behind the switch, the CCM hears of it after its welcome', async (t) => {
  const { linked, script } = await linkRecorded(t);
  script({ afterSwitch: 'fail' });
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  await linked.next('staged');
  const decided = linked.decide(release);
  assert.ok(decided.type === 'decision');
  linked.say(decided);
  await linked.next('stale');
  await linked.restartCcm(decided.decision);
  await linked.next('stale');
  script({});
  await linked.restartAgent();
  // The CCM sends nothing but its welcome: it has the node down as stale on the right tree.
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(one));
});

test('PLG-7 PLG-5: a way back that was interrupted is gone to its end at the next start, hooks and all', async (t) => {
  const { linked, calls } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  await linked.publish(linked.release(2, one, two));
  calls();
  // As a kill between the note and the move of the link leaves it.
  const refused = { code: 'PROBE_FAILED', message: 'the page is wrong' };
  writeFileSync(
    join(linked.directory, 'plugins', '.pending', 'sample.json'),
    JSON.stringify({ version: 1, release: { epoch: 1, sequence: 2 }, refused }),
  );
  await linked.restartAgent();
  assert.equal((await linked.fetch('/')).text, 'one');
  assert.ok(calls().some((line) => line.startsWith('afterSwitch switch-back 1-0001')));
});

test('PLG-7: a decision of long ago does not make the node forget which one it left', async (t) => {
  const { linked, script } = await linkRecorded(t);
  const first = linked.release(1, {}, one);
  await linked.publish(first);
  script({ probe: 'switchBack' });
  const release = linked.release(2, one, two);
  linked.say(linked.inline(release));
  await linked.next('staged');
  const decided = linked.decide(release);
  assert.ok(decided.type === 'decision');
  linked.say(decided);
  assert.equal((await linked.next('stale')).error.code, 'PROBE_FAILED');
  linked.say(linked.decide(first));
  linked.say({ type: 'verify', request: 'v', site: 'sample' });
  await linked.next('verified');
  script({});
  await linked.restartAgent();
  linked.say(welcomeOf(linked.ccm, decided.decision));
  assert.equal((await linked.next('stale')).error.code, 'PROBE_FAILED');
  assert.equal((await linked.fetch('/')).text, 'one');
});

test('PLG-6 PLG-8: what was mended while the CCM was away is told when it is back', async (t) => {
  const { linked, script } = await linkRecorded(t);
  script({ afterSwitch: 'fail' });
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  await linked.next('staged');
  const decided = linked.decide(release);
  assert.ok(decided.type === 'decision');
  linked.say(decided);
  await linked.next('stale');
  await linked.ccm.gateway.stop();
  script({});
  const pending = join(linked.directory, 'plugins', '.pending', 'sample.json');
  await until('the hooks have succeeded', () => !existsSync(pending));
  await linked.restartCcm(decided.decision);
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(one));
});
