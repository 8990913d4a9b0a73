// A segment for tests of the leader's part: agents' leader parts with a segment that the test makes up, and members that are raw WebSockets.

import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { fixtureSigningKey, fixtureVerify } from '../../../assignment/container-fixture.ts';
import type { EncodedAssignment } from '../../../assignment/encode-assignment.ts';
import type { AssignmentHeader } from '../../../model/assignment.ts';
import type { SignedFrame } from '../../../model/leader-messages.ts';
import { createRangeClient } from '../../../net/fetch/range-client.ts';
import { readBody } from '../../../net/http/read-body.ts';
import { agentMessageSchema } from '../../../net/link/agent-message-schema.ts';
import type { AgentReport } from '../../../net/link/link-client.ts';
import type { LeaderToMember, MemberToLeader } from '../../../net/relay/member-messages.ts';
import { leaderToMemberSchema } from '../../../net/relay/member-schemas.ts';
import { signFrame } from '../../../net/relay/signed-frame.ts';
import type { ManualClock } from '../../../net/testing/manual-clock.ts';
import { issueNodeCredentials, type NodeCredentials } from '../../../net/testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../../net/testing/temporary-directory.ts';
import { fingerprintOf } from '../../../net/tls/fingerprint.ts';
import { nodeConnectionOptions } from '../../../net/tls/tls-settings.ts';
import { until } from '../../../plugins/testing/until.ts';
import type { SegmentNeighbour } from '../../segment/segment-view.ts';
import { silentLog } from '../../session/agent-log.ts';
import type { AssignmentMessage } from '../../session/receive-assignment.ts';
import type { ReceivedBlocks } from '../../store/site-store.ts';
import { createGroupLeader } from '../create-group-leader.ts';
import type { GroupLeader, GroupLeaderOptions, LeaderLimits } from '../group-leader.ts';
import { type KitCcm, kitSegment, kitSession, nowMs, runKitCcm } from './kit-ccm.ts';

export interface KitLeader {
  readonly leader: GroupLeader;
  readonly said: AgentReport[];
  readonly credentials: NodeCredentials;
  readonly directory: string;
  readonly port: number;
  readonly others: SegmentNeighbour[];
  readonly inboxes: Map<string, ReceivedBlocks>;
  readonly revoked: Set<string>;
  /** It shows another certificate from now on. */
  renew(): Promise<void>;
  saidOf<T extends AgentReport['type']>(type: T): Extract<AgentReport, { type: T }>[];
}

export async function startLeader(
  t: TestScope,
  ccm: KitCcm,
  node: string,
  more: {
    readonly directory?: string;
    readonly clock?: ManualClock;
    readonly limits?: Partial<LeaderLimits>;
    readonly treeTimes?: GroupLeaderOptions['treeTimes'];
    readonly treeOrder?: GroupLeaderOptions['treeOrder'];
    readonly multicast?: GroupLeaderOptions['multicast'];
    readonly onDecision?: NonNullable<GroupLeaderOptions['onDecision']>;
  } = {},
): Promise<KitLeader> {
  const credentials = await issueNodeCredentials(ccm.certificates, node);
  const directory = more.directory ?? temporaryDirectory(t);
  const said: AgentReport[] = [];
  const others: SegmentNeighbour[] = [];
  const inboxes = new Map<string, ReceivedBlocks>();
  const revoked = new Set<string>();
  let tls = { identity: credentials.identity, ca: ccm.certificates.certificate };
  const clock = { now: () => performance.now(), after: timer };
  const ranges = createRangeClient({ credentials: () => tls, clock, random: () => 0.5, failuresMax: 4 });
  t.after(() => ranges.close());
  const leader = createGroupLeader({
    node,
    directory,
    ccmUrl: ccm.url,
    credentials: () => tls,
    ranges,
    releaseKeys: { verify: fixtureVerify, keys: () => [createPublicKey(fixtureSigningKey)] },
    ccmNow: () => nowMs,
    segment: {
      view: () => ({ segment: kitSegment, leader: node, isAccepted: true, own: null, network: null, others }),
      isRevoked: (fingerprint) => revoked.has(fingerprint),
    },
    received: (assignment) => inboxes.get(assignment) ?? null,
    send(message) {
      assert(agentMessageSchema.safeParse(message).success, JSON.stringify(message));
      // As it is when it is sent.
      said.push(structuredClone(message));
      return true;
    },
    random: () => 0.5,
    log: silentLog,
    ...more,
  });
  t.after(() => leader.close());
  leader.listenAt({ address: '127.0.0.1', port: 0 });
  await until('the segment port is open', () => leader.status().port !== null);
  const saidOf = (type: string): never[] => said.filter((message) => message.type === type) as never[];
  const port = leader.status().port?.port as number;
  return {
    leader,
    said,
    credentials,
    directory,
    port,
    others,
    inboxes,
    revoked,
    saidOf,
    async renew() {
      tls = { ...tls, identity: (await issueNodeCredentials(ccm.certificates, node)).identity };
    },
  };
}

function timer(delayMs: number, run: () => void): () => void {
  const started = setTimeout(run, delayMs);
  return () => clearTimeout(started);
}

function assert(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}

export function lead({ leader }: KitLeader, session: string | null = kitSession): void {
  leader.receive({ type: 'leaderSession', segment: kitSegment, session });
}

export interface KitMember {
  readonly node: string;
  readonly credentials: NodeCredentials;
  readonly socket: WebSocket;
  readonly received: LeaderToMember[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  say(message: unknown): void;
  frame(text: string, facts?: Partial<Pick<SignedFrame, 'node' | 'session' | 'counter'>>): SignedFrame;
  receivedOf<T extends LeaderToMember['type']>(type: T): Extract<LeaderToMember, { type: T }>[];
}

export async function connectMember(
  t: TestScope,
  ccm: KitCcm,
  { port, credentials: of }: KitLeader,
  node: string,
  credentials?: NodeCredentials,
): Promise<KitMember> {
  const own = credentials ?? (await issueNodeCredentials(ccm.certificates, node));
  const socket = new WebSocket(`wss://127.0.0.1:${port}/member`, {
    ...(nodeConnectionOptions(
      { identity: own.identity, ca: ccm.certificates.certificate },
      of.node,
    ) as object),
    perMessageDeflate: false,
  });
  const received: LeaderToMember[] = [];
  socket.on('message', (data) => received.push(leaderToMemberSchema.parse(JSON.parse(String(data)))));
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  let counter = -1;
  return {
    node,
    credentials: own,
    socket,
    received,
    closed,
    say: (message) => socket.send(JSON.stringify(message)),
    frame(text, facts = {}) {
      counter += 1;
      return signFrame({ session: kitSession, node, counter, text, ...facts }, own.key);
    },
    receivedOf: (type) => received.filter((message) => message.type === type) as never[],
  };
}

/** Connected, and behind the leader. */
export async function joinMember(
  t: TestScope,
  ccm: KitCcm,
  leader: KitLeader,
  node: string,
  credentials?: NodeCredentials,
): Promise<KitMember> {
  const member = await connectMember(t, ccm, leader, node, credentials);
  const opened = (): number => leader.saidOf('relayOpen').filter(({ frame }) => frame.node === node).length;
  const before = opened();
  member.say({ type: 'open', frame: member.frame('hello') } satisfies MemberToLeader);
  await until('the opening went up', () => opened() > before);
  leader.leader.receive({ type: 'relayAnswer', node, answer: 'behind', error: null });
  await until('the member is behind', () => member.receivedOf('answer').length > 0);
  return member;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** One request to a leader's segment port. */
export async function ask(
  ccm: KitCcm,
  { port, credentials: of }: KitLeader,
  as: Pick<NodeCredentials, 'identity'> | null,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const tls =
    as === null
      ? { rejectUnauthorized: false }
      : nodeConnectionOptions({ identity: as.identity, ca: ccm.certificates.certificate }, of.node);
  const outgoing = request(`https://127.0.0.1:${port}${path}`, { ...tls, agent: false, headers });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const body = await readBody(response, 2 ** 31);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** As a member fetches it: in order, by ranges of 8 MiB. */
export async function fetchWhole(
  t: TestScope,
  ccm: KitCcm,
  { port, credentials: of }: KitLeader,
  as: NodeCredentials,
  { header, data }: EncodedAssignment,
  ticket: string,
): Promise<Buffer> {
  const { blockRange, blockCount } = await import('../../../assignment/block-layout.ts');
  const client = createRangeClient({
    credentials: () => ({ identity: as.identity, ca: ccm.certificates.certificate }),
    clock: { now: () => performance.now(), after: timer },
    random: () => 0.5,
    node: of.node,
  });
  t.after(() => client.close());
  const whole = Buffer.alloc(data.length);
  const url = `https://127.0.0.1:${port}/assignments/${header.id}/data`;
  const file = { url, ticket, bytes: data.length, rangeOf: (index: number) => blockRange(header, index) };
  const all = Array.from({ length: blockCount(header) }, (_, index) => index);
  const put = async (index: number, block: Buffer): Promise<void> => {
    block.copy(whole, blockRange(header, index).offset);
  };
  await client.fetchBlocks(file, all, put, new AbortController().signal);
  return whole;
}

export function fingerprintOfMember({ credentials }: KitMember): string {
  return fingerprintOf(new X509Certificate(credentials.identity.certificate).raw);
}

/** An inbox that holds these blocks. */
export function inboxOf(
  { header, manifest, data }: EncodedAssignment,
  holds: (index: number) => boolean,
): ReceivedBlocks {
  return {
    header,
    manifest,
    has: holds,
    read: (index) => (holds(index) ? blockOf(header, data, index) : null),
  };
}

export function blockOf(header: AssignmentHeader, data: Buffer, index: number): Buffer {
  const offset = index * 131_072;
  return data.subarray(offset, Math.min(offset + 131_072, header.data.bytes));
}

/** A leader with members `m-0` and so on behind it. */
export async function leadMembers(t: TestScope, count: number) {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  lead(leader);
  const members: KitMember[] = [];
  for (let n = 0; n < count; n++) members.push(await joinMember(t, ccm, leader, `m-${n}`));
  const nodes = members.map(({ node }) => node);
  const relay = (message: AssignmentMessage): void =>
    leader.leader.receive({ type: 'relay', nodes, message });
  return { ccm, leader, members, relay };
}

export function heldBy({ leader }: KitLeader): number {
  return leader.status().contents[0]?.held ?? 0;
}

export function relayFilesOf({ directory }: KitLeader): string[] {
  return readdirSync(join(directory, 'relay')).sort();
}
