import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { jobOf } from './testing/service-double.ts';
import { mainCommit, temporaryApi } from './testing/temporary-api.ts';

async function connected() {
  const api = await temporaryApi();
  const token = (...call: Parameters<typeof api.token>) =>
    createClient({ api: api.url, token: api.token(...call) });
  return { api, admin: token('admin'), operator: token('operator'), viewer: token('viewer') };
}

test('sites: added, listed, changed, removed; the core hears of every change', async () => {
  const { api, operator, viewer } = await connected();
  const added = await operator.sites.create({ name: 'docs', policy: { deleteFilesMin: 5 } });
  assert.equal(added.gitUrl, 'http://ccm/git/docs.git');
  assert.equal(added.policy.deleteFilesMin, 5);
  assert.equal(added.live, null);
  assert.deepEqual(await viewer.sites.list(), [added]);
  const changed = await operator.sites.update('docs', { branch: 'next', policy: { deleteFilesMin: null } });
  assert.equal(changed.branch, 'next');
  assert.equal(changed.policy.deleteFilesMin, 20);
  assert.deepEqual(await viewer.sites.get('docs'), changed);
  assert.equal((await viewer.sites.status('docs')).site, 'docs');
  assert.equal(await operator.sites.remove('docs'), undefined);
  assert.deepEqual(api.service.calls, Array(3).fill(['configurationChanged']));
  await assert.rejects(viewer.sites.get('docs'), hasCode('NOT_FOUND'));
});

test("publish gives the core the commit of the branch's head, or of the ref, and who asked", async () => {
  const { api, operator } = await connected();
  await operator.sites.create({ name: 'docs' });
  const job = await operator.sites.publish('docs');
  assert.deepEqual([job.site, job.commit], ['docs', mainCommit]);
  await operator.sites.publish('docs', { ref: mainCommit, allowDelete: true });
  const requests = api.service.calls.filter(([name]) => name === 'publish').map(([, request]) => request);
  const request = { site: 'docs', commit: mainCommit, requestedBy: 'operator 2' };
  assert.deepEqual(requests, [
    { ...request, branchHead: mainCommit, allowDelete: false },
    { ...request, branchHead: null, allowDelete: true },
  ]);
  await assert.rejects(operator.sites.publish('docs', { ref: 'refs/heads/gone' }), hasCode('REF_UNKNOWN'));
  await assert.rejects(operator.sites.publish('gone'), hasCode('NOT_FOUND'));
  await assert.rejects(operator.sites.rollback('docs'), hasCode('NOTHING_TO_ROLL_BACK'));
});

test('groups and nodes: memberships, labels, maintenance, removal', async () => {
  const { api, admin, operator, viewer } = await connected();
  for (const name of ['a', 'b']) api.registry.nodes.join({ name, ...certificateOf(name) });
  const group = await operator.groups.create({ name: 'web', nodes: ['a'] });
  assert.deepEqual(group, { name: 'web', nodes: ['a'], selector: null, order: [] });
  assert.deepEqual((await operator.groups.update('web', { selector: { tier: 'gold' } })).selector, {
    tier: 'gold',
  });
  assert.deepEqual(
    (await viewer.groups.list()).map(({ name }) => name),
    ['all', 'web'],
  );
  const node = await operator.nodes.update('b', { labels: { tier: 'gold' }, maintenance: true });
  assert.deepEqual([node.labels, node.connected], [{ tier: 'gold' }, false]);
  assert.deepEqual(api.registry.groups.membersOf('web'), ['a', 'b']);
  assert.equal((await viewer.nodes.get('a')).connected, true);
  assert.equal((await viewer.nodes.list()).length, 2);
  await admin.nodes.remove('b');
  assert.deepEqual(api.service.calls.slice(-2), [
    ['setMaintenance', 'b', true, 'operator 2'],
    ['removeNode', 'b', 'admin 1'],
  ]);
  assert.deepEqual((await operator.groups.setOrder('web', ['a'])).order, ['a']);
  assert.deepEqual((await viewer.groups.get('web')).order, ['a']);
  await assert.rejects(operator.groups.setOrder('web', ['gone']), hasCode('NOT_FOUND'));
  await assert.rejects(viewer.groups.setOrder('web', []), hasCode('FORBIDDEN'));
  await operator.groups.remove('web');
  await assert.rejects(viewer.groups.get('web'), hasCode('NOT_FOUND'));
});

test('tokens and join tokens: their text is in the answer that made them, and works', async () => {
  const { api, admin } = await connected();
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  const { token, ...made } = await admin.tokens.create({ name: 'anna', roles: ['viewer'], expiresAt });
  assert.equal(made.expiresAt, expiresAt);
  assert.deepEqual((await admin.tokens.list()).at(-1), made);
  const anna = createClient({ api: api.url, token });
  assert.deepEqual(await anna.sites.list(), []);
  assert.ok((await admin.tokens.revoke(made.id)).revokedAt);
  await assert.rejects(anna.sites.list(), hasCode('UNAUTHENTICATED'));
  const join = await admin.joinTokens.create({ lifeSeconds: 60 });
  assert.match(join.token, /^tcj_[\w-]{43}$/);
  assert.ok(Date.parse(join.expiresAt) <= Date.now() + 60_000);
  api.registry.joinTokens.check(join.token.slice(4));
});

test('jobs: listed, looked at, aborted; a failed one is an answer, not an error', async () => {
  const { api, operator } = await connected();
  const failed = jobOf({
    id: 'j-1',
    site: 'docs',
    phase: 'failed',
    error: { code: 'NO_QUORUM', message: '1 of 3', fix: 'Start the nodes.' },
  });
  api.service.known.set('j-1', failed);
  assert.deepEqual(await operator.jobs.get('j-1'), failed);
  assert.deepEqual(await operator.jobs.list({ limit: 5 }), [failed]);
  assert.deepEqual(await operator.jobs.list({ site: 'shop' }), []);
  assert.equal((await operator.jobs.abort('j-1')).phase, 'aborted');
  await assert.rejects(operator.jobs.get('j-2'), hasCode('NOT_FOUND'));
});

test('following a job yields its lines as they come, and ends with it', async () => {
  const { api, viewer } = await connected();
  const job = jobOf({ id: 'j-1', site: 'docs' });
  api.service.known.set('j-1', job);
  const second = Promise.withResolvers<void>();
  api.service.updates = async function* () {
    yield { kind: 'line', text: 'one' };
    await second.promise;
    yield { kind: 'line', text: 'zwei ✓' };
    yield { kind: 'end', text: 'done', job };
  };
  const texts: string[] = [];
  for await (const update of viewer.jobs.follow('j-1')) {
    texts.push(update.text);
    // The second is only sent when the first was seen here.
    second.resolve();
  }
  assert.deepEqual(texts, ['one', 'zwei ✓', 'done']);
});

test('a follower that leaves is told to the core; an error in mid-stream reaches the follower with its code', async () => {
  const { api, viewer } = await connected();
  api.service.known.set('j-1', jobOf({ id: 'j-1', site: 'docs' }));
  const left = Promise.withResolvers<void>();
  api.service.updates = async function* () {
    try {
      for (;;) yield { kind: 'line', text: 'x'.repeat(10_000) };
    } finally {
      left.resolve();
    }
  };
  for await (const update of viewer.jobs.follow('j-1')) if (update.kind === 'line') break;
  await left.promise;
  api.service.updates = async function* () {
    yield { kind: 'line', text: 'one' };
    throw new TreecastError('NODE_LOST', 'It went.', { fix: 'Bring it back.' });
  };
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const update of viewer.jobs.follow('j-1')) seen.push(update.text);
  }, hasCode('NODE_LOST'));
  assert.deepEqual(seen, ['one']);
  await assert.rejects(async () => {
    for await (const update of viewer.jobs.follow('j-9')) seen.push(update.text);
  }, hasCode('NOT_FOUND'));
});

test("a CCM that stops while a job is followed, and the caller's own abort, are told apart", async () => {
  const { api, viewer } = await connected();
  api.service.known.set('j-1', jobOf({ id: 'j-1', site: 'docs' }));
  api.service.updates = async function* () {
    yield { kind: 'line', text: 'one' };
    await new Promise(() => undefined);
  };
  const abort = new AbortController();
  const reason = new Error('enough');
  await assert.rejects(async () => {
    for await (const _ of viewer.jobs.follow('j-1', { signal: abort.signal })) abort.abort(reason);
  }, reason);
  await assert.rejects(async () => {
    for await (const _ of viewer.jobs.follow('j-1')) void api.close();
  }, hasCode('CCM_UNREACHABLE'));
});

test('verify waits for as long as it takes', async () => {
  const { api, operator } = await connected();
  await operator.sites.create({ name: 'docs' });
  const result = { site: 'docs', commit: mainCommit, tree: null, nodes: [] };
  api.service.verified = async () => result;
  assert.deepEqual(await operator.sites.verify('docs'), result);
});

test('R10.2 segments: a token names one, nodes are placed, weighed and excluded, it is renamed, moved to another channel, and removed', async () => {
  const { api, admin, operator, viewer } = await connected();
  for (const name of ['a', 'b']) api.registry.nodes.join({ name, ...certificateOf(name) });
  assert.match((await admin.joinTokens.create({ segment: 'rack' })).token, /^tcj_/);
  assert.deepEqual(
    (await viewer.segments.list()).map(({ name, members, leader }) => [name, members, leader]),
    [['rack', [], null]],
  );
  await assert.rejects(operator.nodes.update('a', { leadRole: 'preassigned' }), hasCode('CONFLICT'));
  await assert.rejects(operator.nodes.update('a', { segment: 'none' }), hasCode('NOT_FOUND'));
  const placed = await operator.nodes.update('a', {
    segment: 'rack',
    leadRole: 'preassigned',
    leadFactor: 2,
  });
  assert.deepEqual(
    [placed.segment, placed.leadRole, placed.leadFactor, placed.isNew],
    ['rack', 'preassigned', 2, true],
  );
  assert.equal((await viewer.nodes.get('a')).election, null);
  const channel = { transport: 'unicast', group: null, port: 5_000 } as const;
  const changed = await operator.segments.update('rack', { name: 'row', channel });
  assert.deepEqual([changed.name, changed.channel], ['row', channel]);
  assert.deepEqual(
    changed.members.map(({ node, state, connected: link, placedBy, role, factor }) => [
      node,
      state,
      link,
      placedBy,
      role,
      factor,
    ]),
    [['a', 'unreported', true, 'operator', 'preassigned', 2]],
  );
  const rate = { mbit: 200, hours: [{ from: '08:00', to: '18:00', mbit: 50.5 }] };
  assert.deepEqual((await operator.segments.update('row', { rate })).rate, rate);
  assert.deepEqual((await viewer.segments.get('row')).rate, rate);
  const { wanRate, rate: beside } = await operator.segments.update('row', { wanRate: rate });
  assert.deepEqual([wanRate, beside], [rate, rate]);
  assert.equal((await operator.segments.update('row', { wanRate: null })).wanRate, null);
  assert.equal((await operator.segments.update('row', { rate: null })).rate, null);
  await operator.sites.create({ name: 'docs', policy: { rate, wanRate: rate } });
  assert.deepEqual((await viewer.sites.get('docs')).policy.rate, rate);
  assert.deepEqual((await viewer.sites.get('docs')).policy.wanRate, rate);
  assert.equal((await operator.sites.update('docs', { policy: { rate: null } })).policy.rate, null);
  await assert.rejects(operator.segments.ask('row'), hasCode('CONFLICT'));
  await assert.rejects(operator.segments.remove('row'), hasCode('CONFLICT'));
  await assert.rejects(viewer.segments.update('row', { name: 'x' }), hasCode('FORBIDDEN'));
  const { token } = await admin.joinTokens.create({ segment: 'other' });
  assert.ok(token);
  await assert.rejects(operator.segments.update('row', { name: 'other' }), hasCode('ALREADY_EXISTS'));
  const wrong = { transport: 'multicast', group: '10.0.0.1', port: 1 } as const;
  await assert.rejects(operator.segments.update('row', { channel: wrong }), hasCode('INVALID_INPUT'));
  assert.equal((await operator.nodes.update('a', { segment: null })).segment, null);
  await operator.segments.remove('row');
  await assert.rejects(viewer.segments.get('row'), hasCode('NOT_FOUND'));
});
