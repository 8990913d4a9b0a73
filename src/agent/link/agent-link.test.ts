// The link over real TLS sockets, with a CCM and leaders whose answers are the test's.

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import type { Opening, SignedFrame } from '../../model/leader-messages.ts';
import type { CcmMessage, Hello } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { steadyClock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import type { MemberToLeader } from '../../net/relay/member-messages.ts';
import { digestOfReleaseKeys, untold } from '../../net/relay/told.ts';
import { runScriptedCcm, type ScriptedCcm } from '../../net/testing/scripted-ccm.ts';
import type { TestScope } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { until } from '../../plugins/testing/until.ts';
import { silentLog } from '../session/agent-log.ts';
import { createReceiptSigner } from '../session/sign-receipt.ts';
import { type AgentLink, createAgentLink } from './agent-link.ts';
import { createFrameSigner } from './frame-signer.ts';
import {
  runScriptedLeader,
  type ScriptedLeader,
  type ScriptedLeaderOptions,
} from './testing/scripted-leader.ts';
import { wayTiming } from './way-chooser.ts';

const releaseKeys = ['-----BEGIN PUBLIC KEY-----\nkey\n-----END PUBLIC KEY-----\n'];
const welcome: CcmMessage = { type: 'welcome', protocol: 1, ccmTime: 0, releaseKeys, sites: [] };
const release = { epoch: 1, sequence: 1 };
const session = 'ab'.repeat(16);
const segment = 'cd'.repeat(16);
const tree = 'e'.repeat(64);
const timing = { ...wayTiming, settleMs: 20, waitMs: 300, spreadMs: 10, returnMs: 20, retryMinMs: 50 };

interface Linked {
  readonly ccm: ScriptedCcm;
  readonly leader: ScriptedLeader;
  readonly link: AgentLink;
  /** What happened, in words. */
  readonly seen: string[];
  readonly logged: string[];
  startLeader(options?: ScriptedLeaderOptions): Promise<ScriptedLeader>;
  verify(frame: SignedFrame): boolean;
}

const takes: ScriptedLeaderOptions = {
  onMember: (say) => say({ type: 'session', segment, session }),
  onMessage(message, say) {
    if (message.type === 'open') say({ type: 'answer', answer: 'behind', error: null });
  },
};

async function start(t: TestScope, options: ScriptedLeaderOptions = takes): Promise<Linked> {
  const seen: string[] = [];
  const logged: string[] = [];
  const ccm = await runScriptedCcm(t, {
    onSocket(socket) {
      socket.on('message', (data) => {
        const { type } = JSON.parse(String(data)) as { type: string };
        seen.push(`ccm heard ${type}`);
        if (type === 'hello') socket.send(JSON.stringify(welcome));
      });
      socket.on('close', (code) => seen.push(`ccm lost ${code}`));
    },
  });
  let leaders = 0;
  const startLeader = (next: ScriptedLeaderOptions = takes): Promise<ScriptedLeader> => {
    leaders += 1;
    return runScriptedLeader(t, ccm.certificates, `web-${leaders + 1}`, next);
  };
  const leader = await startLeader(options);
  const { credentials } = ccm;
  const link = createAgentLink({
    node: 'web-1',
    sign: createFrameSigner('web-1', () => credentials.key, 1_000),
    ccmUrl: ccm.url,
    credentials: () => ({ identity: credentials.identity, ca: ccm.certificates.certificate }),
    hello: (): Hello => ({
      type: 'hello',
      protocols: [1],
      agentVersion: '0',
      node: 'web-1',
      profiles: ['leader-1'],
      url: null,
      labels: {},
      freeBytes: 0,
      freeInodes: 0,
      sites: [],
    }),
    onMessage: ({ type }, isOwn) => seen.push(`${isOwn ? 'own' : 'by leader'}: ${type}`),
    onDown: ({ code }) => seen.push(`down ${code}`),
    onLinkEnd: () => seen.push('link ended'),
    onBehind: () => seen.push('behind'),
    onLeft: () => seen.push('left'),
    onWithheld: (assignment) => seen.push(`withheld ${assignment.slice(0, 4)}`),
    timing,
    clock: steadyClock,
    random: () => 0.5,
    log: { ...silentLog, info: (_fields, line) => logged.push(line) },
  });
  t.after(() => link.close());
  const key = createPublicKey(credentials.key);
  return { ccm, leader, link, seen, logged, startLeader, verify: (frame) => verifyObject(frame, key) };
}

async function goBehind(linked: Linked): Promise<void> {
  const { link, leader, seen } = linked;
  await until('it is welcomed', () => seen.includes('own: welcome'));
  link.follow(leader.place, false);
  await until(
    'it is behind',
    () => link.leader() !== null && seen.some((line) => line.startsWith('ccm lost')),
  );
}

const wordOf = (message: MemberToLeader): unknown =>
  'frame' in message ? JSON.parse(message.frame.text) : message;

test('LEAD-50 LEAD-3: it opens at the leader before it gives up its own link; what it says is signed, in order, and told what it was told', async (t) => {
  const linked = await start(t);
  const { link, leader, seen, verify } = linked;
  await goBehind(linked);
  assert.deepEqual(seen, ['ccm heard hello', 'own: welcome', 'behind', 'ccm lost 1001']);
  assert.equal(link.leader()?.node, 'web-2');
  for (const site of ['one', 'two']) assert.equal(link.send({ type: 'undone', site, release }), true);
  await until('all is said', () => leader.heard.length === 3);
  const opening = wordOf(leader.heard[0] as MemberToLeader) as Opening;
  assert.equal(opening.hello.node, 'web-1');
  assert.deepEqual(opening.told, {
    releaseKeys: digestOfReleaseKeys(releaseKeys),
    segment: untold,
    revocations: untold,
    sites: {},
  });
  const frames = leader.heard.flatMap((message) => ('frame' in message ? [message.frame] : []));
  assert.ok(frames.every((frame) => frame.session === session && verify(frame)));
  const counters = frames.map(({ counter }) => counter);
  assert.deepEqual(
    counters,
    counters.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(counters).size, 3);
  assert.deepEqual(
    leader.heard.slice(1).map((message) => [message.type, wordOf(message)]),
    ['one', 'two'].map((site) => ['say', { type: 'undone', site, release }]),
  );
});

test('LINK-8 LEAD-50: that the CCM takes the leader’s connection for the node’s own is no trouble', async (t) => {
  let ccm: ScriptedCcm | undefined;
  const linked = await start(t, {
    ...takes,
    onMessage(message, say) {
      if (message.type !== 'open') return;
      ccm?.sockets[0]?.close(closeCodes.replaced);
      ccm?.sockets[0]?.once('close', () => say({ type: 'answer', answer: 'behind', error: null }));
    },
  });
  ({ ccm } = linked);
  await goBehind(linked);
  assert.deepEqual(
    linked.seen.filter((line) => line.startsWith('down')),
    [],
  );
  assert.equal(linked.ccm.sockets.length, 1);
});

test('LEAD-57 RPT-2 RPT-5: reports of a round go as such, within its spread and when they are asked for; others at once, and none overtakes', async (t) => {
  const linked = await start(t);
  const { link, leader, seen, ccm } = linked;
  await goBehind(linked);
  leader.heard.length = 0;
  const staged = { id: 'r1', site: 'site', release, phase: 'staged' as const, spreadMs: 60_000 };
  leader.say({ type: 'work', message: { type: 'abort', site: 'site', release }, round: staged });
  await until('the work is here', () => seen.at(-1) === 'by leader: abort');
  leader.say({ type: 'report-request', round: 'r1', asked: { missing: ['web-1', 'web-9'] }, spreadMs: 0 });
  leader.say({ type: 'report-request', round: 'r1', asked: { missing: ['web-9'] }, spreadMs: 0 });
  leader.say({ type: 'report-request', round: 'gone', asked: { missing: ['web-1'] }, spreadMs: 0 });
  await until('it is at work', () => leader.heard.length === 2);
  assert.deepEqual(
    leader.heard.map((message) => message.type === 'working' && message.round),
    ['r1', 'gone'],
  );
  const sign = createReceiptSigner('web-1', () => ccm.credentials.key, Date.now);
  const receipt = sign('site', 'staged', { tree, scope: 'changed', release });
  link.send({ type: 'staged', site: 'site', assignment: tree, receipt });
  link.send({ type: 'siteFacts', site: 'other', urlMap: {} });
  await until('another site’s word', () => leader.heard.length === 3);
  link.send({ type: 'siteFacts', site: 'site', urlMap: {} });
  await until('the rest', () => leader.heard.length === 5);
  assert.deepEqual(
    leader.heard.slice(2).map((message) => [message.type, (wordOf(message) as { type: string }).type]),
    [
      ['say', 'siteFacts'],
      ['report', 'staged'],
      ['say', 'siteFacts'],
    ],
  );
  leader.say({ type: 'report-request', round: 'r1', asked: { missing: ['web-1'] }, spreadMs: 0 });
  await until('it reports again', () => leader.heard.length === 6);
  assert.equal(leader.heard[5]?.type, 'report');
});

test('LEAD-61: a decision by multicast counts from the own leader alone; the connection’s is not a second one, and its round is reported to', async (t) => {
  const linked = await start(t);
  const { link, leader, seen, ccm } = linked;
  await goBehind(linked);
  const decision: SignedDecision = signObject(
    {
      version: 1 as const,
      site: 'site',
      release,
      kind: 'commit' as const,
      fromTree: null,
      toTree: tree,
      decidedAt: 0,
    },
    generatePrivateKey(),
  );
  leader.heard.length = 0;
  const before = seen.length;
  link.overheard('web-9', decision);
  link.overheard('web-2', decision);
  link.overheard('web-2', decision);
  assert.deepEqual(seen.slice(before), ['by leader: decision']);
  const sign = createReceiptSigner('web-1', () => ccm.credentials.key, Date.now);
  const receipt = sign('site', 'switched', { tree, scope: 'changed', release });
  link.send({ type: 'switched', site: 'site', receipt });
  await until('it said so', () => leader.heard.length === 1);
  const round = { id: 'r2', site: 'site', release, phase: 'switched' as const, spreadMs: 0 };
  leader.say({ type: 'work', message: { type: 'decision', decision }, round });
  await until('it reports to the round', () => leader.heard.length === 2);
  assert.deepEqual(
    leader.heard.map(({ type }) => type),
    ['say', 'report'],
  );
  assert.deepEqual(seen.slice(before), ['by leader: decision'], 'it was carried out once');
  leader.say({ type: 'work', message: { type: 'decision', decision }, round: null });
  await until('asked for again', () => seen.length === before + 2);
});

test('LEAD-52 LEAD-53: who is called comes by itself and goes back; who loses its leader goes behind the next one, or back to its own link', async (t) => {
  const linked = await start(t);
  const { link, leader, seen, startLeader } = linked;
  await goBehind(linked);
  const since = (): string[] => seen.splice(0);
  since();
  leader.say({ type: 'answer', answer: 'call', error: null });
  await until(
    'it is back',
    () => seen.includes('behind') && seen.some((line) => line.startsWith('ccm lost')),
  );
  assert.deepEqual(since(), ['left', 'ccm heard hello', 'own: welcome', 'behind', 'ccm lost 1001']);

  const next = await startLeader();
  leader.stop();
  await until('the leader is lost', () => seen.includes('left'));
  assert.equal(link.send({ type: 'undone', site: 'lost', release }), false);
  const waiting = link.settledLeader(new AbortController().signal);
  link.follow(next.place, false);
  assert.equal((await waiting)?.node, next.place.node);
  assert.deepEqual(since(), ['left', 'behind'], 'without a link between');

  next.say({ type: 'session', segment, session: null });
  await until('its own link is back', () => seen.includes('own: welcome'));
  assert.deepEqual(since(), ['left', 'ccm heard hello', 'own: welcome']);
  assert.equal(await link.settledLeader(new AbortController().signal), null);
});

test('LEAD-51: another node at the leader’s address, and messages that are none, end the connection', async (t) => {
  const linked = await start(t, { onMember: (say) => say({ type: 'nonsense' } as never) });
  const { link, leader, seen } = linked;
  await until('it is welcomed', () => seen.includes('own: welcome'));
  link.follow({ ...leader.place, node: 'web-7' }, false);
  await until('it was not taken for it', () =>
    linked.logged.some((line) => /not that of node web-7/.test(line)),
  );
  assert.equal(leader.sockets.length, 0, 'no connection stands');
  link.follow(leader.place, false);
  await until('it was tried', () => leader.sockets.length > 0);
  await until('it is over', () => leader.sockets[0]?.readyState === 3);
  assert.equal(link.send({ type: 'undone', site: 'site', release }), true, 'over its own link');
});

test('LEAD-58: what the leader cannot give is told', async (t) => {
  const linked = await start(t);
  await goBehind(linked);
  linked.leader.say({ type: 'fetchFromCcm', assignment: tree });
  await until('it is told', () => linked.seen.includes('withheld eeee'));
});

test('LEAD-57: a word that no leader carries goes over a link of its own', async (t) => {
  const linked = await start(t);
  const { link, leader, seen } = linked;
  await goBehind(linked);
  seen.length = 0;
  leader.heard.length = 0;
  const urlMap = { text: '"'.repeat(600_000) };
  assert.equal(link.send({ type: 'siteFacts', site: 'site', urlMap }), true);
  await until('the CCM heard it itself', () => seen.includes('ccm heard siteFacts'));
  await until('it is behind again', () => link.leader() !== null);
  assert.deepEqual(
    leader.heard.map(({ type }) => type),
    ['open'],
  );
});
