// An agent and the agents' port, end to end: what docs/spec/link.md says of sessions.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAgent } from '../../src/agent/run/run-agent.ts';
import { assignmentOf, decisionOf, treeOf } from '../../src/agent/testing/sample-tree.ts';
import { verifyObject } from '../../src/assignment/signed.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { linkAgent, node, site } from './linked-agent.ts';

const one = { 'index.html': 'one', 'kept.txt': 'kept' };
const two = { 'index.html': 'two', 'kept.txt': 'kept', 'deep/new.txt': 'new' };
const three = { 'index.html': 'three' };

test('X1 LINK-17: staged and switched are proven by receipts that the node’s key signed', async (t) => {
  const linked = await linkAgent(t);
  assert.equal((await linked.fetch('/')).tree, 'none');
  const release = linked.release(1, {}, one);
  const assignment = assignmentOf(release);
  linked.say(linked.inline(release, assignment));
  const staged = await linked.next('staged');
  assert.equal(staged.assignment, assignment.header.id);
  assert.equal((await linked.fetch('/')).tree, 'none');
  linked.say(linked.decide(release));
  const switched = await linked.next('switched');
  assert.deepEqual(await linked.fetch('/'), { tree: treeOf(one), text: 'one' });
  const [connected] = linked.ccm.events;
  assert.ok(connected?.what === 'connected');
  for (const { receipt } of [staged, switched]) {
    assert.ok(verifyObject(receipt, connected.publicKey));
    assert.deepEqual([receipt.node, receipt.site, receipt.tree], [node, site, treeOf(one)]);
    assert.deepEqual(receipt.release, release.release);
  }
  assert.deepEqual([staged.receipt.phase, switched.receipt.phase], ['staged', 'switched']);
  assert.deepEqual(
    linked.reports().map(({ type }) => type),
    ['staged', 'switched'],
  );
});

test('LINK-2: the hello says who the node is, where it serves, its labels and its space', async (t) => {
  const linked = await linkAgent(t);
  const [hello] = linked.hellos();
  assert.ok(hello !== undefined && hello.freeBytes > 0 && hello.freeInodes > 0);
  assert.deepEqual(
    [hello.node, hello.agentVersion, hello.url, hello.labels, hello.profiles, hello.sites],
    [
      node,
      '1.2.3',
      linked.agent.url,
      { zone: 'a' },
      ['linux-web-1', 'drift-1', 'owner-1', 'segment-1', 'leader-1', 'tree-1'],
      [],
    ],
  );
});

test('LINK-16: a large assignment is fetched by ranges with a ticket', async (t) => {
  const linked = await linkAgent(t);
  const target = { 'big.bin': randomBytes(3_000_000), 'index.html': 'big' };
  const release = linked.release(1, {}, target);
  linked.say(linked.byUrl(release));
  linked.say(linked.decide(release));
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(target));
  assert.ok(linked.reports().some(({ type }) => type === 'held'));
});

test('LINK-14: a source that refuses its ticket fails the staging with the source’s code', async (t) => {
  const linked = await linkAgent(t);
  const message = linked.byUrl(linked.release(1, {}, one));
  assert.ok(message.type === 'assignment' && message.source.kind === 'url');
  linked.say({ ...message, source: { ...message.source, ticket: 'forged' } });
  const { error, release } = await linked.next('stageFailed');
  assert.deepEqual([error.code, release], ['TICKET_INVALID', { epoch: 1, sequence: 1 }]);
});

test('LINK-18: a decision that overtakes its staging is executed right after it', async (t) => {
  const linked = await linkAgent(t);
  const release = linked.release(1, {}, one);
  linked.say(linked.inline(release));
  linked.say(linked.decide(release));
  await linked.next('switched');
  assert.deepEqual(
    linked.reports().map(({ type }) => type),
    ['staged', 'switched'],
  );
});

test('LINK-18: a decision before its assignment is told as stale and executed once the tree is staged', async (t) => {
  const linked = await linkAgent(t);
  const release = linked.release(1, {}, one);
  linked.say(linked.decide(release));
  const stale = await linked.next('stale');
  assert.deepEqual([stale.release, stale.live], [release.release, null]);
  linked.say(linked.inline(release));
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(one));
});

test('LINK-18: decisions that no release key signed change nothing', async (t) => {
  const linked = await linkAgent(t);
  const release = linked.release(1, {}, one);
  await linked.publish(release);
  const next = linked.release(2, one, two);
  linked.say(linked.inline(next));
  await linked.next('staged');
  linked.say(linked.decide({ ...next, releaseKey: generatePrivateKey() }));
  const decision = decisionOf(next);
  linked.say({ type: 'decision', decision: { ...decision, release: { epoch: 1, sequence: 9 } } });
  linked.say({ type: 'verify', request: 'r', site });
  await linked.next('verified');
  assert.equal((await linked.fetch('/')).tree, treeOf(one));
  linked.say({ type: 'decision', decision });
  await linked.next('switched');
});

test('LINK-17: a newer assignment ends an older one that is still being fetched, without a failure', async (t) => {
  const linked = await linkAgent(t);
  const older = linked.byUrl(linked.release(1, {}, one));
  assert.ok(older.type === 'assignment');
  linked.ccm.stalled.add(older.id);
  linked.say(older);
  await until('the older one is asked for', () => linked.ccm.stalled.size === 0);
  const newer = linked.release(2, {}, two);
  linked.say(linked.inline(newer));
  assert.deepEqual((await linked.next('staged')).receipt.release, newer.release);
  assert.ok(linked.reports().every(({ type }) => type !== 'stageFailed'));
});

test('LINK-17: abort undoes a staging and is confirmed; the same release can be staged again', async (t) => {
  const linked = await linkAgent(t);
  const release = linked.release(1, {}, one);
  const message = linked.inline(release);
  linked.say(message);
  await linked.next('staged');
  linked.say({ type: 'abort', site, release: release.release });
  assert.deepEqual((await linked.next('undone')).release, release.release);
  linked.say(message);
  linked.say(linked.decide(release));
  await linked.next('switched');
});

test('LINK-17: what the store refuses is told with its code; a base mismatch names the live tree', async (t) => {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  linked.say(linked.inline(linked.release(2, three, two)));
  const { error } = await linked.next('stageFailed');
  assert.deepEqual([error.code, error.data?.['liveTree']], ['BASE_MISMATCH', treeOf(one)]);
  linked.say(linked.inline({ ...linked.release(2, one, two), releaseKey: generatePrivateKey() }));
  assert.equal((await linked.next('stageFailed')).error.code, 'ASSIGNMENT_SIGNATURE_INVALID');
});

test('LINK-9: after a restart of the CCM the hello says what is held, and the welcome’s decision is executed', async (t) => {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  const next = linked.release(2, one, two);
  linked.say(linked.inline(next));
  await linked.next('staged');
  await linked.restartCcm(decisionOf(next));
  const holding = linked.hellos().at(-1)?.sites[0];
  assert.equal(holding?.live?.tree, treeOf(one));
  assert.deepEqual(holding?.staged, { release: next.release, tree: treeOf(two) });
  assert.equal((await linked.next('switched')).receipt.tree, treeOf(two));
});

test('LINK-9: a staging that ends while the CCM is away is in the next hello', async (t) => {
  const linked = await linkAgent(t);
  const target = { ...one, 'big.bin': randomBytes(2_000_000) };
  const release = linked.release(1, {}, target);
  linked.say(linked.byUrl(release));
  await linked.restartCcm(null);
  await until(
    'the staging is known',
    () =>
      linked.hellos().at(-1)?.sites[0]?.staged?.tree === treeOf(target) ||
      linked.reports().some(({ type }) => type === 'staged'),
  );
  linked.say(linked.decide(release));
  await linked.next('switched');
});

test('N61 LINK-9: a restarted agent serves before it reaches the CCM, and says what it holds', async (t) => {
  const linked = await linkAgent(t);
  const release = linked.release(1, {}, one);
  await linked.publish(release);
  await linked.restartAgent();
  assert.deepEqual(await linked.fetch('/'), { tree: treeOf(one), text: 'one' });
  const hello = linked.hellos().at(-1);
  assert.deepEqual(hello?.sites[0]?.live, { release: release.release, tree: treeOf(one) });
  assert.equal(hello?.sites[0]?.executed, true);
});

test('LINK-20: only `removed` takes a site from a node, and then its files go', async (t) => {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  const directory = join(linked.directory, 'sites', site);
  assert.ok(existsSync(join(directory, 'live')));
  linked.say({ type: 'removed', site });
  await until('the files are gone', () => !existsSync(directory));
  assert.equal((await linked.fetch('/')).tree, 'none');
  linked.say({ type: 'verify', request: 'r', site });
  assert.equal((await linked.next('verified')).error?.code, 'NOT_FOUND');
  await linked.restartAgent();
  await linked.publish(linked.release(2, {}, two));
});

test('LINK-21: verify re-reads every byte; a flipped byte is named although size and mtime are restored', async (t) => {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  linked.say({ type: 'verify', request: 'r-1', site });
  const good = await linked.next('verified');
  assert.deepEqual(
    [good.request, good.receipt.tree, good.receipt.scope, good.drift],
    ['r-1', treeOf(one), 'full', []],
  );
  const path = join(linked.directory, 'sites', site, 'live', 'kept.txt');
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] as number) ^ 1;
  writeFileSync(path, bytes);
  utimesSync(path, 1_700_000_001, 1_700_000_001);
  linked.say({ type: 'verify', request: 'r-2', site });
  const bad = await linked.next('verified');
  assert.deepEqual(bad.drift, [{ path: 'kept.txt', problem: 'content' }]);
  assert.notEqual(bad.receipt.tree, treeOf(one));
});

test('LINK-10: a removed node keeps serving what it has, and is let in no more', async (t) => {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  linked.ccm.nodes.delete(node);
  linked.ccm.gateway.close(node, new TreecastError('CERTIFICATE_INVALID', 'The node was removed.'));
  await until('it is gone', () => !linked.ccm.gateway.isConnected(node));
  assert.equal((await linked.fetch('/')).text, 'one');
});

test('a second agent in the same directory is refused', async (t) => {
  const linked = await linkAgent(t);
  await assert.rejects(runAgent(linked.directory, { version: '1' }), { code: 'STATE_DIRECTORY_LOCKED' });
});
