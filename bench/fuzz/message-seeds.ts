// Honest messages, requests and documents that the fuzzed ones are made from: one of each kind at least.

import { fixtureContentKey, fixtureSigningKey } from '../../src/assignment/container-fixture.ts';
import { signObject } from '../../src/assignment/signed.ts';
import { endpoints } from '../../src/ccm/api/endpoints.ts';
import type { AgentMessage, CcmMessage } from '../../src/model/messages.ts';
import type { Decision, Receipt } from '../../src/model/receipt.ts';
import { defaultSitePolicy } from '../../src/model/site.ts';
import { signFrame } from '../../src/net/relay/signed-frame.ts';
import { signHandOut } from '../../src/net/tree/hand-out.ts';

const tree = 'd8329fc1cc938780ffdd9f94e0d364e0ea74f579';
const release = { epoch: 1, sequence: 42 };
const held = { release, tree };
const id = 'ab'.repeat(32);
const segment = 'cd'.repeat(16);

const decision: Decision = {
  version: 1,
  site: 'sample',
  release,
  kind: 'commit',
  fromTree: null,
  toTree: tree,
  decidedAt: 1_763_900_000_000,
};
export const signedDecision = signObject(decision, fixtureSigningKey);
const receipt: Receipt = {
  version: 1,
  node: 'web1',
  site: 'sample',
  phase: 'staged',
  scope: 'changed',
  release,
  tree,
  at: 1_763_900_000_000,
};
const signedReceipt = signObject(receipt, fixtureSigningKey);
export const frameFacts = { session: segment, node: 'web1', counter: 7, text: '{"type":"undone"}' };
export const signedFrame = signFrame(frameFacts, fixtureSigningKey);
const error = {
  code: 'STAGE_FAILED',
  message: 'a command failed',
  fix: 'Publish again.',
  data: { path: 'a' },
} as const;
const grant = {
  site: 'sample',
  contentKeys: [fixtureContentKey],
  policy: { autonomous: false, fileMode: '644', executableMode: '755', directoryMode: '755' },
  lastDecision: signedDecision,
};

export const handOut = signHandOut(
  {
    version: 1,
    purpose: 'hand-out',
    ccm: segment,
    job: 'sample@1-42',
    site: 'sample',
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
  },
  fixtureSigningKey,
);

export const agentMessages: readonly AgentMessage[] = [
  {
    type: 'hello',
    protocols: [1],
    agentVersion: '0.1.0',
    node: 'web1',
    profiles: ['linux-web-1'],
    url: 'http://web1:8080',
    labels: { zone: 'a' },
    freeBytes: 1e9,
    freeInodes: 1e6,
    sites: [
      {
        site: 'sample',
        live: held,
        backup: null,
        staged: held,
        lastDecision: signedDecision,
        executed: true,
      },
    ],
  },
  { type: 'held', site: 'sample', assignment: id },
  { type: 'progress', site: 'sample', assignment: id, receivedBytes: 1, commandsDone: 2 },
  { type: 'staged', site: 'sample', assignment: id, receipt: signedReceipt },
  { type: 'stageFailed', site: 'sample', assignment: id, release, error },
  { type: 'switched', site: 'sample', receipt: signedReceipt },
  { type: 'stale', site: 'sample', release, live: held, error },
  { type: 'siteFacts', site: 'sample', urlMap: { origins: ['http://a'], rules: [{ from: 'a', to: 'b' }] } },
  { type: 'undone', site: 'sample', release },
  {
    type: 'verified',
    request: 'r1',
    site: 'sample',
    receipt: signedReceipt,
    drift: [{ path: 'a/b', problem: 'content' }],
  },
  {
    type: 'segmentReport',
    segment,
    term: 7,
    priority: 412.5,
    leader: 'web1',
    list: 3,
    triggers: ['join'],
    members: [
      {
        node: 'web1',
        online: true,
        address: '10.0.0.1',
        port: 17_446,
        capabilities: ['mctp-1'],
        offer: { maintenance: false, freeBytes: 1e9, load: 12 },
      },
      { node: 'web2', online: false, address: 'fe80::1%eth0', port: 1, capabilities: null, offer: null },
    ],
    location: 'row 5',
    timeZone: 'Europe/Berlin',
    freeBytes: 1e9,
    cpus: 2,
    connections: 3,
  },
  {
    type: 'segmentState',
    segment,
    state: 'known',
    term: 7,
    leader: 'web1',
    priority: 412.5,
    priorityTerms: { cpu: 12.5, led: 400 },
    aliveAgoMs: 250,
    address: '10.0.0.2',
    port: 17_446,
    transport: 'multicast',
    reason: 'group delivery works both ways',
    heard: [segment],
    dropped: { replay: 2 },
  },
  { type: 'relayOpen', certificate: 'MIIB', frame: signedFrame },
  { type: 'relayed', frames: [signedFrame, signedFrame] },
  { type: 'relayClosed', node: 'web1', because: 'missing' },
  {
    type: 'roundReport',
    site: 'sample',
    release,
    phase: 'staged',
    reported: 1,
    working: [],
    missing: ['web2'],
  },
  { type: 'leaderProblem', site: 'sample', assignment: id, error },
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

export const ccmMessages: readonly CcmMessage[] = [
  {
    type: 'welcome',
    protocol: 1,
    ccmTime: 1_763_900_000_000,
    releaseKeys: ['-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n'],
    sites: [grant],
  },
  { type: 'refused', error },
  { type: 'grant', grant },
  { type: 'removed', site: 'sample' },
  {
    type: 'assignment',
    site: 'sample',
    id,
    release,
    source: { kind: 'inline', manifest: 'VENBMQ==', data: '' },
  },
  {
    type: 'assignment',
    site: 'sample',
    id,
    release,
    source: { kind: 'url', manifestUrl: '/a', dataUrl: '/b', manifestBytes: 1, dataBytes: 2, ticket: 'abc' },
  },
  { type: 'decision', decision: signedDecision },
  { type: 'abort', site: 'sample', release },
  { type: 'verify', request: 'r1', site: 'sample' },
  {
    type: 'segment',
    id: segment,
    name: 'amber-heron',
    role: 'allowed',
    factor: 1,
    maintenance: false,
    channel: { transport: 'multicast', group: 'ff15::1', port: 17_446 },
    preset: 'fast',
    timers: { reportMs: 30_000 },
    peers: [{ node: 'web2', address: '10.0.0.2', port: 17_446 }],
    others: 1,
  },
  { type: 'segmentVerdict', segment, term: 7, accepted: { leader: 'web1', term: 7 }, assigned: null },
  { type: 'segmentAsked', trigger: 'operator' },
  { type: 'segmentResign' },
  { type: 'revocations', number: 1, fingerprints: [id] },
  { type: 'leaderSession', segment, session: segment },
  { type: 'relay', nodes: ['web2', 'web3'], message: { type: 'decision', decision: signedDecision } },
  { type: 'relayAnswer', node: 'web2', answer: 'refused', error },
  { type: 'treeExpect', ccm: segment, site: 'sample', assignment: id, manifestBytes: 1, dataBytes: 2 },
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

const digest = '0123456789abcdef';
export const opening = {
  hello: agentMessages[0],
  told: { releaseKeys: digest, segment: digest, revocations: digest, sites: { sample: digest } },
};

export const ticketFacts = { job: 'job-1', assignment: id, fetcher: 'web1', expiresAt: 1_763_900_000_000 };

const bodies: readonly object[] = [
  {},
  { name: 'docs', repository: 'docs', branch: 'main', group: 'web', policy: defaultSitePolicy },
  {
    policy: {
      compression: [{ glob: '**/*.html', codec: 'zstd' }],
      commit: { count: 2, share: 0.5 },
      drain: { batch: { count: 1, share: 0 }, minInService: { count: 1, share: 0.5 }, onFailure: 'hold' },
      commands: [{ name: 'program.install', parameters: { from: 'a', to: '/b' } }],
    },
  },
  { name: 'web', all: true, nodes: ['web1'], labels: { zone: 'a' } },
  { name: 'alice', roles: ['author'], sites: ['docs'], expiresAt: 1_763_900_000_000 },
  { ref: 'main', allowDelete: true },
  { labels: { zone: 'b' }, maintenance: true },
  { order: ['rack-5', 'web1'] },
  { segment: 'rack-5', leadRole: 'preassigned', leadFactor: 2 },
  { name: 'rack-5', channel: { transport: 'multicast', group: '239.255.84.67', port: 17_446 } },
];

/** Each endpoint with a body that it takes, where one of these is one. */
export const apiRequests: readonly object[] = endpoints.flatMap(({ method, path, query, body }) => {
  const fitting = bodies.filter((one) => body === undefined || body.safeParse(one).success);
  return (fitting.length === 0 ? bodies : fitting).map((one) => ({
    endpoint: `${method} ${path}`,
    params: Object.fromEntries<string>([...path.matchAll(/:(\w+)/g)].map(([, name = '']) => [name, 'docs'])),
    query: query?.safeParse({ limit: '10' }).success ? { limit: '10' } : {},
    body: body === undefined ? {} : one,
  }));
});

export const journal = {
  version: 1,
  site: 'sample',
  slots: [
    {
      slot: 1,
      directory: '1-0042',
      formerDirectory: null,
      served: true,
      held,
      lag: { all: false, assignments: [], paths: [] },
      commands: null,
    },
    {
      slot: 2,
      directory: 'spare-2',
      formerDirectory: '1-0041',
      served: false,
      held: null,
      lag: { all: false, assignments: [id], paths: ['a', 'b/c'] },
      commands: id,
    },
  ],
  live: 1,
  backup: null,
  staging: { slot: 2, release, targetTree: tree, complete: true },
  lastDecision: signedDecision,
  executed: true,
  twins: true,
  nextNumber: 3,
};

export const yamlDocuments: readonly string[] = [
  `listen: 0.0.0.0:7070\nagentListen: 0.0.0.0:7443\npublicUrl: https://ccm.example.org:7070\ntls:\n  certificate: /etc/ssl/a.pem\n  key: /etc/ssl/b.pem\nplugins:\n  - use: notify\n    config:\n      webhooks: [{ url: https://a.example.org }]\n`,
  `node: web1\nlabels: { zone: a }\nserve:\n  listen: 0.0.0.0:8080\nplugins:\n  - use: nginx\n    name: front\n    config:\n      servers: { docs: { listen: ['80'], serverName: [docs.example.org] } }\n`,
  `deleteShareMax: 0.5\ndeleteFilesMin: 20\ncommit: { count: 2, share: 0.5 }\ncompression:\n  - glob: '**/*.html'\n    codec: zstd\nfileMode: '644'\ncommands:\n  - name: program.install\n    parameters: { from: a, to: /b }\n`,
  `a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n`,
];
