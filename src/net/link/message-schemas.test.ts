import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AgentMessage, CcmMessage } from '../../model/messages.ts';
import { agentMessageSchema } from './agent-message-schema.ts';
import { ccmMessageSchema } from './ccm-message-schema.ts';
import { ccmMessageBytesMax } from './limits.ts';
import { parseMessage } from './parse-message.ts';

const id = 'a'.repeat(64);
const tree = 'b'.repeat(40);
const release = { epoch: 1, sequence: 42 };
const signature = `${'A'.repeat(86)}==`;
const decision = {
  version: 1,
  site: 'site',
  release,
  kind: 'commit',
  fromTree: null,
  toTree: tree,
  decidedAt: 1,
  signature,
} as const;
const receipt = {
  version: 1,
  node: 'web-1',
  site: 'site',
  phase: 'staged',
  scope: 'changed',
  release,
  tree,
  at: 1,
  signature,
} as const;
const error = { code: 'STAGE_FAILED', message: 'no', fix: 'mend it', data: { path: 'a' } } as const;
const grant = {
  site: 'site',
  contentKeys: [{ id: 'k1', key: 'c2VjcmV0' }],
  policy: { autonomous: false, fileMode: '644', executableMode: '755', directoryMode: '755' },
  lastDecision: decision,
};

const segment = 'c'.repeat(32);
const channel = { transport: 'multicast', group: '239.255.84.67', port: 17_446 } as const;
const offer = { maintenance: false, freeBytes: 1, load: 150 };
const member = { node: 'web-1', online: true, address: '10.0.0.1', port: 1, capabilities: ['mctp-1'], offer };
const report = {
  type: 'segmentReport',
  segment,
  term: 7,
  priority: 0.5,
  leader: 'web-1',
  list: 3,
  triggers: ['join', 'timer'],
  members: [member, { ...member, node: 'web-2', address: 'fe80::1%eth0', capabilities: null, offer: null }],
  location: 'row 5',
  timeZone: 'Europe/Berlin',
  freeBytes: 1,
  cpus: 2,
  connections: 3,
} as const;
const state = {
  type: 'segmentState',
  segment,
  state: 'votingOpen',
  term: 7,
  leader: null,
  priority: 0.5,
  priorityTerms: { cpu: 0.25 },
  aliveAgoMs: null,
  address: '10.0.0.1',
  port: 1,
  transport: 'unicast',
  reason: 'multicast does not come back',
  heard: [segment],
  dropped: { replay: 1 },
} as const;

const session = 'd'.repeat(32);
const frame = {
  version: 1,
  purpose: 'relayed',
  session,
  node: 'web-2',
  counter: 7,
  text: '{"type":"undone"}',
  signature,
} as const;
const round = { type: 'roundReport', site: 'site', release, phase: 'staged', reported: 3 } as const;

const handOut = {
  version: 1,
  purpose: 'hand-out',
  ccm: segment,
  job: 'site@1-42',
  site: 'site',
  assignment: id,
  manifestBytes: 1,
  dataBytes: 2,
  node: 'web-2',
  segment,
  number: 3,
  sources: [
    { part: 0, parts: 2, node: 'web-1', address: '10.0.0.1', port: 17_447 },
    { part: 1, parts: 2, node: null, address: null, port: null },
  ],
  ticket: 't',
  expiresAt: 1,
  signature,
} as const;

const agentMessages: AgentMessage[] = [
  {
    type: 'hello',
    protocols: [1],
    agentVersion: '1.2.3',
    node: 'web-1',
    profiles: ['linux-web-1'],
    url: 'http://127.0.0.1:8080',
    labels: { 'topology/zone': 'a b' },
    freeBytes: 1,
    freeInodes: 1,
    sites: [
      {
        site: 'site',
        live: { release, tree },
        backup: null,
        staged: null,
        lastDecision: decision,
        executed: true,
      },
    ],
  },
  { type: 'held', site: 'site', assignment: id },
  { type: 'progress', site: 'site', assignment: id, receivedBytes: 1, commandsDone: 2 },
  { type: 'staged', site: 'site', assignment: id, receipt },
  { type: 'stageFailed', site: 'site', assignment: id, release, error },
  { type: 'switched', site: 'site', receipt },
  { type: 'stale', site: 'site', release, live: { release, tree }, error },
  { type: 'undone', site: 'site', release },
  { type: 'verified', request: 'r', site: 'site', receipt, drift: [{ path: 'a', problem: 'content' }] },
  { type: 'verified', request: 'r', site: 'site', receipt, drift: [], error },
  report,
  state,
  { type: 'relayOpen', certificate: 'MIIB', frame },
  { type: 'relayed', frames: [frame, { ...frame, counter: 8 }] },
  { type: 'relayClosed', node: 'web-2', because: 'missing' },
  { ...round, working: ['web-2'], missing: [] },
  { type: 'leaderProblem', site: 'site', assignment: id, error },
  {
    type: 'treeState',
    ccm: segment,
    assignment: id,
    state: 'failed',
    number: 3,
    blocks: 9,
    heldBlocks: 4,
    figures: [
      { node: 'web-2', bytes: 131_072, ms: 12, delayMs: 0.5 },
      { node: null, bytes: 1, ms: 1, delayMs: null },
    ],
    error,
  },
  {
    type: 'treeNext',
    ccm: segment,
    assignment: id,
    heldBlocks: 1,
    room: 2,
    unreached: [{ node: 'web-2', trouble: 'unreachable' }],
  },
  {
    type: 'treeSourceLost',
    ccm: segment,
    assignment: id,
    number: 3,
    source: 'web-2',
    trouble: 'corrupt',
    heldBlocks: 4,
  },
];

const ccmMessages: CcmMessage[] = [
  { type: 'welcome', protocol: 1, ccmTime: 1, releaseKeys: ['pem'], sites: [grant] },
  { type: 'refused', error },
  { type: 'grant', grant },
  { type: 'removed', site: 'site' },
  { type: 'assignment', site: 'site', id, release, source: { kind: 'inline', manifest: 'AA==', data: '' } },
  {
    type: 'assignment',
    site: 'site',
    id,
    release,
    source: {
      kind: 'url',
      manifestUrl: '/assignments/a/manifest',
      dataUrl: '/assignments/a/data',
      manifestBytes: 1,
      dataBytes: 2,
      ticket: 't',
    },
  },
  { type: 'decision', decision },
  { type: 'abort', site: 'site', release },
  { type: 'verify', request: 'r', site: 'site' },
  {
    type: 'segment',
    id: segment,
    name: 'amber-heron',
    role: 'preassigned',
    factor: 1.5,
    maintenance: false,
    channel,
    preset: 'fast',
    timers: { aliveMs: 400 },
    peers: [{ node: 'web-2', address: '10.0.0.2', port: 17_446 }],
    others: 1,
  },
  { type: 'segmentVerdict', segment, term: 7, accepted: { leader: 'web-1', term: 7 }, assigned: segment },
  { type: 'segmentAsked', trigger: 'operator' },
  { type: 'segmentResign' },
  { type: 'revocations', number: 1, fingerprints: [id] },
  { type: 'leaderSession', segment, session },
  { type: 'leaderSession', segment, session: null },
  { type: 'relay', nodes: ['web-2'], message: { type: 'decision', decision } },
  { type: 'relayAnswer', node: 'web-2', answer: 'refused', error },
  { type: 'treeExpect', ccm: segment, site: 'site', assignment: id, manifestBytes: 1, dataBytes: 2 },
  { type: 'handOut', handOut },
  {
    type: 'treeNextAnswer',
    ccm: segment,
    assignment: id,
    next: [{ node: 'web-2', address: '10.0.0.2', port: 17_447, handOut }],
    more: 'later',
  },
  { type: 'treeEnd', ccm: segment, assignment: id },
];

test('LINK-4: every message of both directions is accepted as it is', () => {
  for (const message of agentMessages) assert.deepEqual(agentMessageSchema.parse(message), message);
  for (const message of ccmMessages) assert.deepEqual(ccmMessageSchema.parse(message), message);
});

test('LINK-4: an unknown key anywhere, and a missing one at the top, is refused', () => {
  const schemas = [
    [agentMessages, agentMessageSchema],
    [ccmMessages, ccmMessageSchema],
  ] as const;
  for (const [messages, schema] of schemas) {
    for (const message of messages) {
      for (const altered of withUnknownKeys(message)) {
        assert.equal(schema.safeParse(altered).success, false, JSON.stringify(altered));
      }
      for (const key of Object.keys(message).filter(
        (name) => name !== 'error' || message.type !== 'verified',
      )) {
        const { [key]: _, ...rest } = message as unknown as Record<string, unknown>;
        assert.equal(schema.safeParse(rest).success, false, `${message.type} without ${key}`);
      }
    }
  }
});

test('LINK-4: bounds hold for names, numbers, lists and texts', () => {
  const [hello, held] = agentMessages as [AgentMessage & { type: 'hello' }, AgentMessage & { type: 'held' }];
  const wrong: unknown[] = [
    { ...held, site: 'a'.repeat(65) },
    { ...held, site: 'Site' },
    { ...held, assignment: `${id}0` },
    { ...hello, freeBytes: -1 },
    { ...hello, freeBytes: 1.5 },
    { ...hello, protocols: Array(17).fill(1) },
    { ...hello, sites: Array(1_001).fill(hello.sites[0]) },
    { ...hello, labels: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`l${n}`, ''])) },
    { ...hello, labels: { a: 'line\nbreak' } },
    {
      type: 'stageFailed',
      site: 'site',
      assignment: id,
      release,
      error: { ...error, message: 'x'.repeat(5_000) },
    },
    {
      type: 'stageFailed',
      site: 'site',
      assignment: id,
      release,
      error: { ...error, data: { x: 'x'.repeat(9_000) } },
    },
    {
      type: 'verified',
      request: 'r',
      site: 'site',
      receipt,
      drift: Array(101).fill({ path: 'a', problem: 'content' }),
    },
    { type: 'undone', site: 'site', release: { epoch: 1, sequence: 1e15 } },
    { ...report, members: Array.from({ length: 1_025 }, (_, n) => ({ ...member, node: `n${n}` })) },
    { ...report, members: [member, member] },
    { ...report, members: [{ ...member, address: 'web-1.example.org' }] },
    { ...report, members: [{ ...member, capabilities: Array(33).fill('a') }] },
    { ...report, term: -1 },
    { ...report, priority: Number.POSITIVE_INFINITY },
    { ...report, segment: 'C'.repeat(32) },
    { ...report, triggers: ['because'] },
    { ...report, triggers: [] },
    { ...state, state: 'king' },
    { ...state, port: 0 },
    { ...state, heard: Array(17).fill(segment) },
    { ...state, priorityTerms: { a: Number.NaN } },
    { ...state, dropped: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`r${n}`, 1])) },
  ];
  const frames = { type: 'relayed', frames: [frame] };
  wrong.push(
    { ...frames, frames: [] },
    { ...frames, frames: Array(4_097).fill(frame) },
    { ...frames, frames: [{ ...frame, session: 'D'.repeat(32) }] },
    { ...frames, frames: [{ ...frame, counter: 2 ** 53 }] },
    { ...frames, frames: [{ ...frame, purpose: 'fetch' }] },
    { ...frames, frames: [{ ...frame, signature: 'short' }] },
    { type: 'relayOpen', certificate: 'A'.repeat(4_097), frame },
    { type: 'relayOpen', certificate: 'no base64!', frame },
    { type: 'relayClosed', node: 'web-2', because: 'bored' },
    { ...round, working: [], missing: Array(1_025).fill('web-2') },
    { ...round, phase: 'done', working: [], missing: [] },
  );
  for (const message of wrong) assert.equal(agentMessageSchema.safeParse(message).success, false);
  for (const message of ccmMessages.filter(({ type }) =>
    ['welcome', 'grant', 'removed', 'segment', 'revocations'].includes(type),
  )) {
    const carried = { type: 'relay', nodes: ['web-2'], message };
    assert.equal(ccmMessageSchema.safeParse(carried).success, false, 'LEAD-5: no leader carries it');
  }
  const inline = { kind: 'inline', manifest: 'A'.repeat(90_000), data: '' };
  const large = { type: 'assignment', site: 'site', id, release, source: inline };
  assert.equal(ccmMessageSchema.safeParse(large).success, false);
});

test('LINK-4: a welcome of the most sites there may be fits into a frame', () => {
  const sites = Array.from({ length: 1_000 }, () => ({ ...grant, site: 'a'.repeat(64) }));
  const welcome = { type: 'welcome', protocol: 1, ccmTime: 1, releaseKeys: [], sites };
  assert.ok(ccmMessageSchema.safeParse(welcome).success);
  assert.ok(JSON.stringify(welcome).length < ccmMessageBytesMax / 2);
});

/** The value once for each plain object in it, with a key added there; free-form records are left alone. */
function* withUnknownKeys(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      for (const altered of withUnknownKeys(item)) yield value.with(index, altered);
    }
  } else if (typeof value === 'object' && value !== null) {
    yield { ...value, unknown: 1 };
    for (const [key, item] of Object.entries(value)) {
      if (['labels', 'data', 'priorityTerms', 'dropped'].includes(key)) continue;
      for (const altered of withUnknownKeys(item)) yield { ...value, [key]: altered };
    }
  }
}

test('LINK-4: a free-form field that is nested deeper than any recursion goes is refused, not crashed on', () => {
  const deep = JSON.parse(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`) as Record<string, unknown>;
  const flat = { a: [[{ b: 1 }]] };
  const siteFacts = (urlMap: unknown) => ({ type: 'siteFacts', site: 'site', urlMap });
  const failed = (data: unknown) => ({
    type: 'stageFailed',
    site: 'site',
    assignment: id,
    release,
    error: { code: 'STAGE_FAILED', message: 'no', data },
  });
  for (const message of [siteFacts, failed]) {
    assert.doesNotThrow(() => parseMessage(message(flat), agentMessageSchema));
    assert.throws(() => parseMessage(message(deep), agentMessageSchema), { code: 'MESSAGE_INVALID' });
  }
  const refused = { type: 'refused', error: failed(deep).error };
  assert.throws(() => parseMessage(refused, ccmMessageSchema), { code: 'MESSAGE_INVALID' });
});
