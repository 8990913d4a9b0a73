// Plugins around stage and switch, on a real agent: order, veto, twins, what a restart and a newer decision mean to them.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAgent } from '../../src/agent/run/run-agent.ts';
import { treeOf } from '../../src/agent/testing/sample-tree.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { runProgram } from '../lab/run-program.ts';
import { linkAgent } from './linked-agent.ts';
import { linkRecorded, one, recorder, two } from './recorded-agent.ts';

test('PLG-4 PLG-9 N52: hooks run in order around stage and switch; receipts tell them with their times', async (t) => {
  const { linked, calls } = await linkRecorded(t);
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  const staged = await linked.next('staged');
  assert.deepEqual(calls(), ['attach', 'beforeSwitch publish 1-0001 added index.html,added kept.txt']);
  linked.say(linked.decide(release));
  const switched = await linked.next('switched');
  const after = 'publish 1-0001 added index.html,added kept.txt';
  assert.deepEqual(calls(), [`switch ${after}`, `afterSwitch ${after}`, `probe ${after}`]);
  const hooksOf = ({ receipt }: typeof staged | typeof switched) =>
    receipt.hooks?.map(({ plugin, hook, ok, note }) => [plugin, hook, ok, note]);
  assert.deepEqual(hooksOf(staged), [['recorder', 'beforeSwitch', true, 'beforeSwitch done']]);
  assert.deepEqual(
    hooksOf(switched)?.map(([, hook]) => hook),
    ['switch', 'afterSwitch', 'probe'],
  );
  await linked.publish(linked.release(2, one, two));
  assert.deepEqual(calls()[0], 'beforeSwitch publish 1-0002 added app.css,changed index.html');
});

test('PLG-3 N52: a refused vote fails the staging with the plugin’s words, and nothing has changed', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  calls();
  script({ beforeSwitch: 'fail' });
  const release = linked.release(2, one, two);
  linked.say(linked.inline(release));
  const { error } = await linked.next('stageFailed');
  assert.equal(error.code, 'PLUGIN_FAILED');
  assert.equal(error.message, 'recorder: the recorder refuses beforeSwitch');
  assert.equal(error.fix, 'Change the script.');
  assert.deepEqual(
    calls().map((line) => line.split(' ')[0]),
    ['beforeSwitch', 'abandon'],
  );
  assert.equal((await linked.fetch('/')).text, 'one');
  // The same release can be staged again when the reason is gone.
  script({});
  await linked.publish(linked.release(3, one, two));
  assert.equal((await linked.fetch('/')).text, 'two');
});

test('PLG-3: what was staged before a restart is voted on again, and given up when the vote is another', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  linked.say(linked.inline(linked.release(2, one, two)));
  await linked.next('staged');
  calls();
  await linked.restartAgent();
  assert.deepEqual(
    calls().map((line) => line.split(' ')[0]),
    ['attach', 'beforeSwitch'],
  );
  assert.equal(linked.hellos().at(-1)?.sites[0]?.staged?.tree, treeOf(two));
  script({ beforeSwitch: 'fail' });
  await linked.restartAgent();
  assert.deepEqual(
    calls().map((line) => line.split(' ')[0]),
    ['attach', 'beforeSwitch', 'abandon'],
  );
  assert.equal(linked.hellos().at(-1)?.sites[0]?.staged, null);
});

test('PLG-3 X9: a twin lies beside its file when the node says staged, and is no part of the tree', async (t) => {
  const { linked, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  script({ beforeSwitch: 'twin' });
  await linked.publish(linked.release(2, one, two));
  const live = join(linked.directory, 'sites', 'sample', 'live');
  assert.match(readlinkSync(live), /trees\/1-0002/);
  assert.equal(readFileSync(join(live, 'app.css.gz'), 'utf8'), 'twin');
  linked.say({ type: 'verify', request: 'v', site: 'sample' });
  const verified = await linked.next('verified');
  assert.deepEqual([verified.drift, verified.receipt.tree], [[], treeOf(two)]);
});

test('PLG-4: hooks that follow a switch give way to a newer decision', async (t) => {
  const { linked, calls, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  script({ probe: 'hang' });
  const release = linked.release(2, one, two);
  linked.say(linked.inline(release));
  await linked.next('staged');
  linked.say(linked.decide(release));
  const seen: string[] = [];
  await until('the probe hangs', () => {
    seen.push(...calls());
    return seen.some((line) => line.startsWith('probe publish 1-0002'));
  });
  script({});
  const rollback = linked.decide({ ...linked.release(3, two, one) });
  assert.ok(rollback.type === 'decision');
  linked.say(rollback);
  const switched = await linked.next('switched');
  assert.deepEqual(
    [switched.receipt.release, switched.receipt.tree],
    [{ epoch: 1, sequence: 3 }, treeOf(one)],
  );
  assert.ok(linked.reports().every(({ type }) => type !== 'stale'));
});

test('a plugin that is replaced while the agent runs is the former one until the next start', async (t) => {
  const { linked, calls, directory } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  writeFileSync(join(directory, 'recorder.mjs'), 'export const broken = ;');
  await linked.publish(linked.release(2, one, two));
  writeFileSync(
    join(directory, 'recorder.mjs'),
    recorder(directory).replaceAll('[hook, event.kind', "['new', hook, event.kind"),
  );
  calls();
  await linked.publish(linked.release(3, two, one));
  assert.ok(calls().every((line) => !line.startsWith('new')));
  // Node keeps a module for the life of its process: a new agent is a new process.
  await linked.agent.close();
  const script = `import { runAgent } from ${JSON.stringify(new URL('../../src/agent/run/run-agent.ts', import.meta.url).href)};
    const agent = await runAgent(${JSON.stringify(linked.directory)}, { version: '1' });
    await agent.close();`;
  await runProgram(process.execPath, ['--input-type=module', '--eval', script]);
  assert.ok(calls().some((line) => line.startsWith('new attach')));
});

test('a site that is taken from the node is detached', async (t) => {
  const { linked, calls } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  calls();
  linked.say({ type: 'removed', site: 'sample' });
  await until('it is detached', () => !existsSync(join(linked.directory, 'sites', 'sample')));
  assert.deepEqual(calls(), ['detach']);
});

test('PLG-1: a plugin that is missing or wrong keeps the agent from starting, with every reason', async (t) => {
  const linked = await linkAgent(t);
  await linked.agent.close();
  writeFileSync(
    join(linked.directory, 'agent.yaml'),
    'plugins:\n  - use: ./absent.ts\n  - use: ngnix\n  - use: probe\n    config: { unknown: 1 }\n',
  );
  await assert.rejects(runAgent(linked.directory, { version: '1' }), (error) => {
    assert.ok(error instanceof TreecastError && error.code === 'PLUGIN_INVALID');
    assert.match(error.message, /3 problems|4 problems/);
    assert.match(error.message, /absent\.ts/);
    assert.match(error.message, /Did you mean nginx\?/);
    assert.match(error.message, /probe: config.*unknown/);
    return true;
  });
});

test('the URL map of a site whose web server came up late is told when it is known', async (t) => {
  const { linked, script } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  await linked.next('siteFacts');
  script({ attach: 'fail' });
  await linked.restartAgent();
  script({});
  await linked.publish(linked.release(2, one, two));
  await linked.next('siteFacts');
});
