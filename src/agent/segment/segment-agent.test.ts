// An agent's part in its segment, over real sockets on this machine's own interface; the CCM's word comes from the test.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AgentMessage } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { type ControlChannel, unassignedSegment } from '../../model/segment.ts';
import type { SegmentCcmMessage } from '../../model/segment-messages.ts';
import { agentMessageSchema } from '../../net/link/agent-message-schema.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { silentLog } from '../session/agent-log.ts';
import { createSegmentAgent, type SegmentAgent } from './segment-agent.ts';
import { segmentSettingsSchema } from './segment-settings.ts';
import type { SegmentView } from './segment-view.ts';

type Told = Extract<SegmentCcmMessage, { type: 'segment' }>;
type State = Extract<AgentMessage, { type: 'segmentState' }>;

const channel: ControlChannel = {
  transport: 'multicast',
  group: `239.255.${randomBytes(1)[0]}.${(randomBytes(1)[0] as number) || 1}`,
  port: 20_000 + (randomBytes(2).readUInt16BE() % 10_000),
};
/** `fast`, but that nobody waits for long. */
const timers = { listenMs: 1_000, windowMs: 400, concedeMs: 800, quietMs: 100 };
const told: Told = {
  type: 'segment',
  id: unassignedSegment,
  name: null,
  role: 'allowed',
  factor: 1,
  maintenance: false,
  channel,
  preset: 'fast',
  timers,
  peers: [],
  others: 0,
};

interface Started {
  readonly agent: SegmentAgent;
  readonly said: AgentMessage[];
  /** As it was each time that it was told to be another one. */
  readonly views: SegmentView[];
  /** Decisions that its leader said to all, each with who that was. */
  readonly decisions: [string, SignedDecision][];
  /** The last one. */
  state(): State | undefined;
  remembered(): { readonly segment: string; readonly channel: ControlChannel };
}

async function start(
  t: TestContext,
  authority: CertificateAuthority,
  node: string,
  settings: object = {},
): Promise<Started> {
  const directory = temporaryDirectory(t);
  const { key, identity } = await issueNodeCredentials(authority, node);
  const said: AgentMessage[] = [];
  const views: SegmentView[] = [];
  const decisions: [string, SignedDecision][] = [];
  const agent = createSegmentAgent({
    onView: () => views.push(agent.view()),
    onDecision: (from, decision) => decisions.push([from, decision]),
    node,
    directory,
    settings: segmentSettingsSchema.parse(settings),
    credentials: { key: () => key, current: () => ({ identity, ca: authority.certificate }) },
    ccmUrl: 'https://127.0.0.1:7443',
    capabilities: ['linux-web-1'],
    freeBytes: () => 1e9,
    content: () => 1,
    send(message) {
      assert.ok(agentMessageSchema.safeParse(message).success, JSON.stringify(message));
      said.push(message);
      return true;
    },
    random: () => (randomBytes(4).readUInt32BE() + 1) / 2 ** 33,
    log: silentLog,
  });
  t.after(() => agent.close());
  return {
    agent,
    said,
    views,
    decisions,
    state: () => said.findLast((message) => message.type === 'segmentState'),
    remembered: () =>
      JSON.parse(readFileSync(join(directory, 'segment', 'segment.json'), 'utf8')) as ReturnType<
        Started['remembered']
      >,
  };
}

function haveOneLeader(nodes: readonly Started[]): boolean {
  const leaders = new Set(nodes.map((node) => node.state()?.leader ?? null));
  return leaders.size === 1 && !leaders.has(null);
}

const show = (nodes: readonly Started[]) => (): string => JSON.stringify(nodes.map((node) => node.state()));

test('LINK-42 LINK-45 SEG-4: nodes without a segment elect, their leader is given one, and takes the others there; term and leader stay', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const nodes = [await start(t, authority, 'web-1'), await start(t, authority, 'web-2')];
  for (const { agent } of nodes) agent.receive(told);
  const isLeading = (node: Started): boolean => node.state()?.state === 'leading';
  // A leader may have a vote open.
  await until(show(nodes), () => haveOneLeader(nodes) && nodes.some(isLeading));
  const leader = nodes.find(isLeading) as Started;
  await until(show(nodes), () =>
    leader.said.some((message) => message.type === 'segmentReport' && message.members.length === 2),
  );
  const report = leader.said.find((message) => message.type === 'segmentReport');
  assert.ok(report?.type === 'segmentReport' && report.segment === unassignedSegment);
  const { term } = leader.state() as State;
  const id = randomBytes(16).toString('hex');
  const accepted = { leader: report.leader, term };
  leader.agent.receive({ type: 'segmentVerdict', segment: unassignedSegment, term, accepted, assigned: id });
  for (const { agent } of nodes) agent.receive({ ...told, id, name: 'row-5' });
  await until(show(nodes), () =>
    nodes.every((node) => node.state()?.segment === id && node.remembered().segment === id),
  );
  await until(show(nodes), () => nodes.every((node) => node.state()?.leader === report.leader));
  assert.equal(leader.state()?.term, term);

  // Another channel is its leader's to carry out, too.
  const next = { ...channel, port: channel.port + 300 };
  for (const { agent } of nodes) agent.receive({ ...told, id, channel: next });
  await until(show(nodes), () => nodes.every((node) => node.remembered().channel.port === next.port));
  await until(show(nodes), () => nodes.every((node) => (node.state()?.port ?? 0) > next.port));
  assert.equal(leader.state()?.term, term);
});

test('LEAD-20: whom a node follows, whether the CCM accepts that leader, and where others are is in its view, which is told when it changes', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const id = randomBytes(16).toString('hex');
  const nodes = [await start(t, authority, 'web-1'), await start(t, authority, 'web-2', { lead: 'never' })];
  const [leader, member] = nodes as [Started, Started];
  for (const { agent } of nodes) agent.receive({ ...told, id });
  const last = (node: Started): SegmentView | undefined => node.views.at(-1);
  await until(show(nodes), () => nodes.every((node) => last(node)?.leader === 'web-1'));
  assert.equal(last(member)?.isAccepted, false);
  const term = leader.state()?.term as number;
  const accepted = { leader: 'web-1', term };
  leader.agent.receive({ type: 'segmentVerdict', segment: id, term, accepted, assigned: null });
  await until(show(nodes), () => nodes.every((node) => last(node)?.isAccepted === true));
  const { own } = leader.agent.view();
  assert.ok(own !== null);
  // The leader's list comes when it comes.
  await until(show(nodes), () => member.agent.view().others.length > 0);
  const { segment, others } = member.agent.view();
  assert.deepEqual([segment, others], [id, [{ node: 'web-1', ...own }]]);
  const fingerprint = 'ab'.repeat(32);
  assert.equal(member.agent.isRevoked(fingerprint), false);
  member.agent.receive({ type: 'revocations', number: 1, fingerprints: [fingerprint] });
  assert.equal(member.agent.isRevoked(fingerprint), true);
  // A leader that is cut off from the CCM says so.
  leader.agent.linkDown();
  await until(show(nodes), () => nodes.every((node) => last(node)?.isAccepted === false));
});

test('CHAN-20 LINK-45: a node without a segment that hears one does not lead until the CCM says where it belongs', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const id = randomBytes(16).toString('hex');
  const [resident, newcomer] = [await start(t, authority, 'web-1'), await start(t, authority, 'web-2')];
  resident.agent.receive({ ...told, id });
  await until(show([resident]), () => resident.state()?.state === 'leading');
  newcomer.agent.receive(told);
  await until(show([newcomer]), () => newcomer.state()?.heard.includes(id) === true);
  // An election of one lasts half as long.
  const from = performance.now();
  await until(show([newcomer]), () => performance.now() - from > 4_000);
  const states = newcomer.said.flatMap((message) => (message.type === 'segmentState' ? message.state : []));
  assert.ok(!states.includes('leading'), states.join(', '));
  newcomer.agent.receive({ ...told, id });
  await until(show([newcomer]), () => newcomer.state()?.leader === 'web-1');
});

test('CHAN-21 SEG-6: with the id of another segment a node goes there alone, and hears the one that it left', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const [here, there] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const nodes = [await start(t, authority, 'web-1'), await start(t, authority, 'web-2')];
  for (const { agent } of nodes) agent.receive({ ...told, id: here });
  await until(
    show(nodes),
    () => haveOneLeader(nodes) && nodes.every((node) => node.state()?.segment === here),
  );
  const leader = nodes.find((node) => node.state()?.state === 'leading') as Started;
  const member = nodes.find((node) => node !== leader) as Started;
  member.agent.receive({ ...told, id: there });
  await until(show(nodes), () => member.state()?.segment === there && member.state()?.state === 'leading');
  await until(show(nodes), () => member.state()?.heard.includes(here) === true);
  assert.equal(leader.state()?.segment, here);
  // An id of zeros says only that the CCM does not know.
  member.agent.receive(told);
  await until(show(nodes), () => member.remembered().segment === there);
});

test('LINK-42: before the CCM has spoken of segments nothing is said; after a loss of the link nothing either, until it does again', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const one = await start(t, authority, 'web-1', { group: channel.group, port: channel.port + 500 });
  const two = await start(t, authority, 'web-2', {
    group: channel.group,
    port: channel.port + 500,
    lead: 'never',
  });
  two.agent.receive({ ...told, role: 'preassigned' });
  await until(show([two]), () => two.state()?.leader === 'web-1');
  assert.deepEqual(one.said, []);
  assert.equal(two.state()?.state, 'known');
  one.agent.receive(told);
  await until(show([one]), () => one.said.some((message) => message.type === 'segmentReport'));
  one.agent.linkDown();
  const { length } = one.said;
  one.agent.receive({ type: 'segmentAsked', trigger: 'ccm' });
  await one.agent.close();
  assert.equal(one.said.length, length);
  await until(show([two]), () => two.state()?.leader === null);
});

test('CHAN-22 LEAD-61: a leader’s decision reaches its members by multicast; another member’s does not count; nor does one that fits no datagram', async (t) => {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const id = randomBytes(16).toString('hex');
  const own = { group: channel.group, port: channel.port + 700 };
  const nodes: Started[] = [];
  for (const [node, lead] of [
    ['web-1', 'allowed'],
    ['web-2', 'never'],
    ['web-3', 'never'],
  ] as const)
    nodes.push(await start(t, authority, node, { ...own, lead }));
  for (const { agent } of nodes) agent.receive({ ...told, id });
  const [leader, member, other] = nodes as [Started, Started, Started];
  await until(show(nodes), () => haveOneLeader(nodes));
  await until(show(nodes), () => member.agent.view().others.length === 2);
  const decision: SignedDecision = {
    version: 1,
    site: 'site',
    release: { epoch: 1, sequence: 2 },
    kind: 'commit',
    fromTree: null,
    toTree: 'a'.repeat(64),
    decidedAt: 5,
    signature: `${'A'.repeat(86)}==`,
  };
  other.agent.announceDecision({ ...decision, site: 'forged' });
  leader.agent.announceDecision({ ...decision, site: 'x'.repeat(2_000) });
  leader.agent.announceDecision(decision);
  await until(show(nodes), () => [member, other].every(({ decisions }) => decisions.length > 0));
  // It is said three times, and one may be lost.
  for (const said of [...member.decisions, ...other.decisions]) assert.deepEqual(said, ['web-1', decision]);
  assert.deepEqual(leader.decisions, []);
});
