// One message of each type, for tests of what carries them; and arbitrary ones.

import fc from 'fast-check';
import type { ControlChannel, ListedMember, MemberDescription } from '../../../model/segment.ts';
import type { SegmentMessage } from '../wire/segment-message.ts';

const description: MemberDescription = {
  address: '10.77.0.2',
  port: 7448,
  capabilities: ['linux-web-1'],
  offer: { maintenance: false, freeBytes: 40_000_000_000, load: 12 },
};

export const sampleMessages: readonly SegmentMessage[] = [
  { type: 'leader-alive', term: 7, priority: 512, accepted: true, list: 3, revocations: 2, move: null },
  {
    type: 'leader-alive',
    term: 7,
    priority: 0.5,
    accepted: true,
    list: 3,
    revocations: 2,
    move: {
      segment: '0f'.repeat(16),
      channel: { transport: 'multicast', group: 'ff15::7465:6c', port: 17_446 },
      afterMs: 1_500,
    },
  },
  { type: 'leader-claim', term: 8, priority: 1_000_000, accepted: false },
  { type: 'register', term: 7, leader: 'web-1', nonce: 2 ** 53 - 1, ...description },
  {
    type: 'member-list',
    term: 7,
    list: 3,
    part: 0,
    parts: 1,
    members: [
      { node: 'web-1', address: '10.77.0.1', port: 7448, nonce: 1, online: true },
      { node: 'web-2', address: 'fe80::1%eth0', port: 7449, nonce: 2, online: false },
    ],
  },
  { type: 'here', term: 7, list: 3, offer: description.offer },
  { type: 'solicit', term: 7, nodes: ['web-2'] },
  { type: 'leave', term: 7 },
  { type: 'concede', term: 8 },
  { type: 'newer-term', term: 9 },
  { type: 'resign', term: 7 },
  {
    type: 'certificate-wanted',
    wanted: 'ab'.repeat(32),
    nonce: '0123456789abcdef',
    certificate: Buffer.from('30820123', 'hex'),
  },
  { type: 'certificate', nonce: '0123456789abcdef', since: 17, certificate: Buffer.from('30820123', 'hex') },
  { type: 'probe', nonce: 'fedcba9876543210', sequence: 3, oneIn: 4, paddingBytes: 5 },
  { type: 'probe-answer', nonce: 'fedcba9876543210', heardByGroup: 0b1101, heardAlone: 2 ** 32 - 1 },
  { type: 'present' },
  { type: 'decision', text: Buffer.from('{"version":1}') },
  { type: 'burst', nonce: 'fedcba9876543210', round: 3, oneIn: 4 },
  {
    type: 'burst-answer',
    nonce: 'fedcba9876543210',
    round: 3,
    heard: 1_000,
    dropped: 7,
    receiveBufferBytes: 8_388_608,
    bytesPerSecondMax: 25_000_000,
  },
];

/** Objects as the decoder makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });

const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/);
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6().filter((text) => text.length <= 45 && !/[A-F]/.test(text)),
);
const priority = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const offer = record({ maintenance: fc.boolean(), freeBytes: safe, load: u32 });
const channel: fc.Arbitrary<ControlChannel> = fc.oneof(
  record({
    transport: fc.constant('multicast' as const),
    group: fc.constantFrom('239.1.2.3', '224.0.0.251', 'ff15::1'),
    port,
  }),
  record({ transport: fc.constant('unicast' as const), group: fc.constant(null), port }),
);
const listed: fc.Arbitrary<ListedMember> = record({
  node: name,
  address,
  port,
  nonce: safe,
  online: fc.boolean(),
});
const nonce = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const certificate = fc.uint8Array({ minLength: 1, maxLength: 900 }).map((bytes) => Buffer.from(bytes));

/** Of every type, within its bounds; lists may be longer than a datagram. */
export const anyMessage: fc.Arbitrary<SegmentMessage> = fc.oneof(
  record({
    type: fc.constant('leader-alive' as const),
    term: u48,
    priority,
    accepted: fc.boolean(),
    list: u48,
    revocations: u48,
    move: fc.option(record({ segment: fc.constant('0f'.repeat(16)), channel, afterMs: u32 })),
  }),
  record({ type: fc.constant('leader-claim' as const), term: u48, priority, accepted: fc.boolean() }),
  record({
    type: fc.constant('register' as const),
    term: u48,
    leader: name,
    nonce: safe,
    address,
    port,
    capabilities: fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,31}$/), { maxLength: 16 }),
    offer,
  }),
  record({
    type: fc.constant('member-list' as const),
    term: u48,
    list: u48,
    part: fc.constant(0),
    parts: fc.constant(1),
    members: fc.array(listed, { maxLength: 300 }),
  }),
  record({ type: fc.constant('here' as const), term: u48, list: u48, offer }),
  record({
    type: fc.constant('solicit' as const),
    term: u48,
    nodes: fc.array(name, { maxLength: 300 }),
  }),
  record({ type: fc.constantFrom('leave' as const, 'concede', 'newer-term', 'resign'), term: u48 }),
  record({
    type: fc.constant('certificate-wanted' as const),
    wanted: fc.constant('0f'.repeat(32)),
    nonce,
    certificate,
  }),
  record({ type: fc.constant('certificate' as const), nonce, since: u48, certificate }),
  record({
    type: fc.constant('probe' as const),
    nonce,
    sequence: fc.integer({ min: 0, max: 31 }),
    oneIn: fc.integer({ min: 1, max: 65_535 }),
    paddingBytes: fc.integer({ min: 0, max: 1_000 }),
  }),
  record({
    type: fc.constant('probe-answer' as const),
    nonce,
    heardByGroup: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    heardAlone: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  }),
  record({ type: fc.constant('present' as const) }),
  record({ type: fc.constant('decision' as const), text: certificate }),
  record({
    type: fc.constant('burst' as const),
    nonce,
    round: fc.integer({ min: 0, max: 65_535 }),
    oneIn: fc.integer({ min: 1, max: 65_535 }),
  }),
  record({
    type: fc.constant('burst-answer' as const),
    nonce,
    round: fc.integer({ min: 0, max: 65_535 }),
    heard: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    dropped: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    receiveBufferBytes: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    bytesPerSecondMax: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  }),
);
