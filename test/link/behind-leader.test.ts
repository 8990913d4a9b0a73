// A whole CCM, a leader and nodes behind it that say what the test has them say: publishes, changes of what a leader may not carry, restarts, removal.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { readManifest } from '../../src/assignment/read-manifest.ts';
import type { RelayedMessage } from '../../src/model/leader-messages.ts';
import type { CcmMessage } from '../../src/model/messages.ts';
import type { TestScope } from '../../src/net/testing/temporary-directory.ts';
import { ccmConnectionOptions } from '../../src/net/tls/tls-settings.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { type NodeBehind, nodeBehind } from './node-behind.ts';
import { type SegmentCcm, segmentCcm } from './segment-ccm.ts';
import type { SegmentNode } from './segment-node.ts';

type Assignment = Extract<CcmMessage, { type: 'assignment' }>;

interface Lan extends SegmentCcm {
  readonly leader: SegmentNode;
  /** Links of their own, which their being behind has ended. */
  readonly own: readonly SegmentNode[];
  readonly members: readonly NodeBehind[];
  push(content?: string | Buffer): Promise<{ readonly tree: string; readonly pushing: Promise<string> }>;
}

/** `web1` leads, the others are behind it; the site `shop` is on all nodes, or on these. */
async function lan(t: TestScope, names: readonly string[], on?: readonly string[]): Promise<Lan> {
  const ccm = await segmentCcm(t);
  const { client, connect, token } = ccm;
  const leader = await connect('web1');
  leader.report([]);
  const verdict = await leader.until('segmentVerdict');
  const segment = (await client.segments.list())[0]?.name ?? '';
  assert.notEqual(verdict.assigned, null);
  const own: SegmentNode[] = [];
  for (const name of names) {
    const node = await connect(name);
    own.push(node);
    await client.nodes.update(name, { segment });
  }
  for (const { until: told } of own) await told('segment', ({ name }) => name === segment);
  if (on !== undefined) await client.groups.create({ name: 'shops', nodes: on });
  await client.sites.create({ name: 'shop', ...(on === undefined ? {} : { group: 'shops' }) });
  for (const node of own) if (on?.includes(node.name) !== false) await node.until('grant');
  const members = own.map((node) => nodeBehind(node, leader));
  for (const member of members) assert.equal(await member.open(), 'behind');
  for (const { closed } of own) assert.equal(await closed, 4409);
  const author = await createAuthor();
  t.after(() => author.remove());
  const url = new URL(ccm.ccm.git('shop'));
  url.username = 'author';
  url.password = token;
  return {
    ...ccm,
    leader,
    own,
    members,
    async push(content = randomBytes(20)) {
      await author.write('index.html', content);
      const tree = await author.commit();
      return { tree, pushing: author.push(url.href).then(({ stderr }) => stderr) };
    },
  };
}

async function relayed<T extends RelayedMessage['type']>(
  leader: SegmentNode,
  type: T,
  after = 0,
): Promise<{ readonly nodes: readonly string[]; readonly message: Extract<RelayedMessage, { type: T }> }> {
  const find = () =>
    leader
      .got('relay')
      .slice(after)
      .find(({ message }) => message.type === type);
  await until(`the leader is to carry ${type}`, () => find() !== undefined);
  return find() as never;
}

function stage(members: readonly NodeBehind[], { id, site, release }: Assignment, tree: string): void {
  for (const member of members)
    member.say({
      type: 'staged',
      site,
      assignment: id,
      receipt: member.receipt(site, 'staged', release, tree),
    });
}

function switchTo(members: readonly NodeBehind[], { site, release }: Assignment, tree: string): void {
  for (const member of members)
    member.say({ type: 'switched', site, receipt: member.receipt(site, 'switched', release, tree) });
}

test('LEAD-4 LEAD-9 R7: a small push goes to a leader once, its nodes stage and switch through it, and what it says of its work is shown', async (t) => {
  const { leader, members, push, client } = await lan(t, ['web2', 'web3'], ['web2', 'web3']);
  const { tree, pushing } = await push();
  const { nodes, message } = await relayed(leader, 'assignment');
  assert.deepEqual([...nodes].sort(), ['web2', 'web3']);
  assert.ok(message.source.kind === 'inline');
  const manifest = Buffer.from(message.source.manifest, 'base64');
  assert.equal(readManifest(manifest, { verifySignature: () => true }).header.targetTree, tree);
  stage(members, message, tree);
  const decided = await relayed(leader, 'decision');
  assert.deepEqual([decided.nodes.length, decided.message.decision.toTree], [2, tree]);
  switchTo(members, message, tree);
  assert.match(await pushing, /staged 2\/2 {2}live 2\/2/);
  assert.equal(leader.got('relay').length, 2, 'one copy each');
  assert.deepEqual(leader.got('assignment'), [], 'it is in no content group');

  const facts = { site: 'shop', release: message.release };
  leader.say({
    type: 'roundReport',
    ...facts,
    phase: 'switched',
    reported: 1,
    working: [],
    missing: ['web3', 'nobody'],
  });
  const error = { code: 'SPACE_INSUFFICIENT', message: 'the disk is full' };
  leader.say({ type: 'leaderProblem', site: 'shop', assignment: message.id, error });
  leader.say({ type: 'leaderProblem', site: 'unknown', assignment: message.id, error });
  const shown = async () => (await client.segments.list())[0];
  await until('it is shown', async () => (await shown())?.problems.length === 1);
  const segment = await shown();
  assert.deepEqual(segment?.rounds[0]?.missing, ['web3']);
  const behind = segment?.members.map(({ node, behind: by }) => `${node} ${by?.leader}`);
  assert.deepEqual(behind, ['web1 undefined', 'web2 web1', 'web3 web1']);
  assert.equal((await client.nodes.get('web3')).behind?.leader, 'web1');
  const kinds = (await client.events.list({ limit: 1_000 })).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'segment.leaderProblem').length, 1);
  assert.equal(kinds.filter((kind) => kind === 'segment.roundIncomplete').length, 1);
});

test('LEAD-6 LINK-14: a large push is fetched with one ticket that every node of the segment may show, and no other; others first', async (t) => {
  const { leader, members, own, push, connect } = await lan(t, ['web2', 'web3']);
  const outside = await connect('outside');
  await outside.until('welcome', ({ sites }) => sites.length === 1);
  const { tree, pushing } = await push(randomBytes(300_000));
  const { nodes, message } = await relayed(leader, 'assignment');
  assert.deepEqual([...nodes].sort(), ['web2', 'web3']);
  await until('the leader has its own', () => leader.got('assignment').length === 1);
  const order = leader.received.flatMap(({ type }) =>
    type === 'relay' || type === 'assignment' ? [type] : [],
  );
  assert.deepEqual(order, ['relay', 'assignment']);
  const { source } = message;
  assert.ok(source.kind === 'url');
  for (const node of [leader, ...own]) assert.equal(await fetched(node, source), 206, node.name);
  assert.equal(await fetched(outside, source), 'TICKET_INVALID');
  const [single] = leader.got('assignment');
  assert.ok(single?.source.kind === 'url' && single.id === message.id);
  assert.equal(await fetched(leader, single.source), 206);
  assert.equal(
    await fetched(own[0] as SegmentNode, single.source),
    'TICKET_INVALID',
    'a ticket for one node is for one node',
  );
  stage(members, message, tree);
  const direct = [leader, outside];
  await outside.until('assignment');
  for (const node of direct) {
    const receipt = nodeBehind(node, leader).receipt('shop', 'staged', message.release, tree);
    node.say({ type: 'staged', site: 'shop', assignment: message.id, receipt });
  }
  await relayed(leader, 'decision');
  switchTo(members, message, tree);
  for (const node of direct) {
    await node.until('decision');
    const receipt = nodeBehind(node, leader).receipt('shop', 'switched', message.release, tree);
    node.say({ type: 'switched', site: 'shop', receipt });
  }
  assert.match(await pushing, /staged 4\/4 {2}live 4\/4/);
});

test('LEAD-1 JOB-8: a leader that is killed while its nodes stage costs nothing: they come back behind the next one, and the job goes on', async (t) => {
  const { leader, members, own, push, connect } = await lan(t, ['web2', 'web3'], ['web2', 'web3']);
  const { tree, pushing } = await push();
  const { message } = await relayed(leader, 'assignment');
  const [first] = members as [NodeBehind, NodeBehind];
  stage([first], message, tree);
  leader.socket.terminate();
  // The successor has a link of its own before it leads; its hello says what it has staged.
  const staged = { release: message.release, tree };
  const holding = { site: 'shop', live: null, backup: null, staged, lastDecision: null, executed: false };
  const next = await connect('web2', false, { sites: [holding] });
  next.report(['web3'], { term: 2 });
  await next.until('leaderSession');
  const second = nodeBehind(own[1] as SegmentNode, next);
  assert.equal(await second.open(), 'behind');
  const again = await relayed(next, 'assignment');
  assert.deepEqual([again.nodes, again.message.id], [['web3'], message.id]);
  stage([second], message, tree);
  assert.deepEqual((await relayed(next, 'decision')).nodes, ['web3']);
  await next.until('decision');
  switchTo([second], message, tree);
  const receipt = nodeBehind(next, next).receipt('shop', 'switched', message.release, tree);
  next.say({ type: 'switched', site: 'shop', receipt });
  assert.match(await pushing, /staged 2\/2 {2}live 2\/2/);
});

test('LEAD-5 KEYS-7: rotated keys and a removed node are not the leader’s to tell: each node calls, and the removed one hears it itself', async (t) => {
  const { ccm, leader, members, push, connect, client } = await lan(t, ['web2', 'web3']);
  const [second, third] = members as [NodeBehind, NodeBehind];
  await client.keys.rotate({ kind: 'content', site: 'shop' });
  await until('both are called', () => second.answer() === 'call' && third.answer() === 'call');
  const own = await connect('web2', false);
  assert.equal(own.got('welcome')[0]?.sites[0]?.contentKeys.length, 2, 'the new key and the former one');
  const back = nodeBehind(own, leader);
  assert.equal(await back.open(), 'behind');
  // web3 is still on its way: what needs the new key does not reach it before the key does.
  const { tree, pushing } = await push();
  const { nodes, message } = await relayed(leader, 'assignment');
  assert.deepEqual(nodes, ['web2']);
  const late = await connect('web3', false);
  await late.until('assignment', ({ id }) => id === message.id);
  stage([back], message, tree);
  for (const node of [late, leader]) {
    const receipt = nodeBehind(node, leader).receipt('shop', 'staged', message.release, tree);
    node.say({ type: 'staged', site: 'shop', assignment: message.id, receipt });
  }
  await relayed(leader, 'decision');
  for (const node of [late, leader]) {
    await node.until('decision');
    const receipt = nodeBehind(node, leader).receipt('shop', 'switched', message.release, tree);
    node.say({ type: 'switched', site: 'shop', receipt });
  }
  switchTo([back], message, tree);
  assert.match(await pushing, /live 3\/3/);

  const again = nodeBehind(late, leader);
  assert.equal(await again.open(), 'behind');
  await client.nodes.remove('web2');
  await until('both are called', () => back.answer() === 'call' && again.answer() === 'call');
  const source = { manifestUrl: `${ccm.agentUrl}/assignments/${message.id}/manifest`, ticket: 'none' };
  assert.equal(await fetched(own, source), 'NODE_REMOVED');
});

test('LEAD-3 LINK-30: a forged receipt in a node’s own frame ends its part and its being behind, with the reason in the terminal; others are not touched', async (t) => {
  const { leader, members, push, client } = await lan(t, ['web2', 'web3'], ['web2', 'web3']);
  const [second, third] = members as [NodeBehind, NodeBehind];
  const { tree, pushing } = await push();
  const { message } = await relayed(leader, 'assignment');
  const stolen = third.receipt('shop', 'staged', message.release, tree);
  second.say({ type: 'staged', site: 'shop', assignment: message.id, receipt: stolen });
  assert.match(
    await pushing,
    /web2: its receipt is not one that this node signed for this \[RECEIPT_INVALID\]/,
  );
  assert.equal(second.answer(), 'refused');
  assert.deepEqual(
    (await relayed(leader, 'abort')).nodes,
    ['web3'],
    'staging is undone where it may have begun',
  );
  leader.say({
    type: 'relayed',
    frames: [{ ...third.frame({ type: 'undone', site: 'shop', release: message.release }), counter: 9e15 }],
  });
  await until('it is refused', () => third.answer() === 'refused');
  const refused = (await client.events.list({ limit: 1_000 })).filter(
    ({ kind }) => kind === 'node.report.refused',
  );
  assert.deepEqual(
    refused.map(({ node, data }) => [node, data['leader'] ?? null]),
    [
      ['web2', null],
      ['web3', 'web1'],
    ],
  );
  assert.equal(leader.socket.readyState, leader.socket.OPEN);
});

test('LEAD-1 LEAD-5 SEG-3: after a start of the CCM the leader has a new session, and nodes come back behind it without a link of their own', async (t) => {
  const { leader, own, connect, restart, client } = await lan(t, ['web2'], ['web2']);
  const session = leader.got('leaderSession').at(-1)?.session;
  await restart();
  const back = await connect('web1', false);
  back.report(['web2']);
  assert.notEqual((await back.until('leaderSession')).session, session);
  const member = nodeBehind(own[0] as SegmentNode, back);
  assert.equal(await member.open(), 'behind');
  member.say({ type: 'segmentState', ...stateOf(own[0] as SegmentNode) });
  await until(
    'it is heard of its segment',
    async () => (await client.nodes.get('web2')).election?.leader === 'web1',
  );
  await client.nodes.update('web2', { segment: null });
  await until('it is called', () => member.answer() === 'call');
  await until('it belongs here no more', async () => (await member.open()) === 'refused');
});

function stateOf(node: SegmentNode) {
  return {
    segment: node.got('segment').at(-1)?.id ?? '',
    state: 'known',
    term: 1,
    leader: 'web1',
    priority: 0.5,
    priorityTerms: {},
    aliveAgoMs: 100,
    address: '127.0.0.1',
    port: 9,
    transport: 'multicast',
    reason: 'it works',
    heard: [],
    dropped: {},
  };
}

/** The status when it is given, the code when it is refused. */
function fetched(
  node: SegmentNode,
  { manifestUrl, ticket }: { readonly manifestUrl: string; readonly ticket: string },
): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Ticket ${ticket}`, range: 'bytes=0-9' };
    const asking = request(
      manifestUrl,
      { ...ccmConnectionOptions(node.tls), headers, agent: false },
      (response) => {
        json(response).then(
          (body) => resolve((body as { error: { code: string } }).error.code),
          () => resolve(response.statusCode ?? 0),
        );
      },
    );
    asking.on('error', reject).end();
  });
}
