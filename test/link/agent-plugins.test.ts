// Plugins around stage and switch, on a real agent: order, veto, trouble behind the switch, the way back, and what a restart finishes.

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAgent } from '../../src/agent/run/run-agent.ts';
import { treeOf } from '../../src/agent/testing/sample-tree.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { runProgram } from '../lab/run-program.ts';
import { type LinkedAgent, linkAgent, welcomeOf } from './linked-agent.ts';

const one = { 'index.html': 'one', 'kept.txt': 'kept' };
const two = { 'index.html': 'two', 'kept.txt': 'kept', 'app.css': 'x'.repeat(100) };

/** Writes a line for each call; fails where `script` says so. */
const recorder = (directory: string): string => `
import { appendFileSync, readFileSync } from 'node:fs';
import { definePlugin, PluginError, z } from 'treecast/plugin';
const act = (hook) => async (event, { signal }) => {
  const changes = event.changes ? (await event.changes())?.map(({ kind, path }) => kind + ' ' + path).join() : undefined;
  const what = [hook, event.kind, event.to?.release ?? event.release, changes].filter((part) => part !== undefined);
  appendFileSync('${directory}/calls', what.join(' ') + '\\n');
  const how = JSON.parse(readFileSync('${directory}/script', 'utf8'))[hook];
  if (how === 'fail') throw new PluginError('the recorder refuses ' + hook, { fix: 'Change the script.' });
  if (how === 'hang') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
  if (how === 'switchBack') throw new PluginError('the page is wrong', { fix: 'Mend it.', switchBack: true });
  if (hook === 'beforeSwitch' && how === 'twin') await event.writeTwin('app.css', '.gz', Buffer.from('twin'));
  return { note: hook + ' done', ...(hook === 'attach' && { urlMap: { origins: ['https://docs.example'] } }) };
};
export const it = definePlugin({
  name: 'recorder', summary: 'records', places: ['agent'], configSchema: z.strictObject({}),
  setup: () => ({ hooks: Object.fromEntries(
    ['attach', 'detach', 'beforeSwitch', 'switch', 'afterSwitch', 'probe', 'abandon'].map((hook) => [hook, act(hook)]),
  ) }),
});`;

interface Recorded {
  readonly linked: LinkedAgent;
  readonly directory: string;
  /** Lines written since the last call. */
  calls(): string[];
  script(how: Readonly<Record<string, string>>): void;
}

async function linkRecorded(t: TestScope): Promise<Recorded> {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'recorder.mjs');
  writeFileSync(file, recorder(directory));
  writeFileSync(join(directory, 'script'), '{}');
  appendFileSync(join(directory, 'calls'), '');
  const linked = await linkAgent(t, { plugins: [{ use: file }] });
  let read = 0;
  return {
    linked,
    directory,
    calls() {
      const lines = readFileSync(join(directory, 'calls'), 'utf8').trimEnd().split('\n');
      const fresh = lines.slice(read);
      read = lines.length;
      return fresh;
    },
    script: (how) => writeFileSync(join(directory, 'script'), JSON.stringify(how)),
  };
}

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
  const { linked, calls } = await linkRecorded(t);
  await linked.publish(linked.release(1, {}, one));
  calls();
  const pending = join(linked.directory, 'plugins', '.pending', 'sample.json');
  assert.ok(!existsSync(pending));
  // As a kill between the switch and its hooks leaves it.
  const note = { version: 1, release: { epoch: 1, sequence: 1 }, refused: null };
  writeFileSync(pending, JSON.stringify(note));
  await linked.restartAgent();
  assert.deepEqual(
    calls().map((line) => line.split(' ').slice(0, 3).join(' ')),
    ['attach', 'switch start 1-0001', 'afterSwitch start 1-0001', 'probe start 1-0001'],
  );
  assert.ok(!existsSync(pending));
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
