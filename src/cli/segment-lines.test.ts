// What people read of segments: who leads, who is missing, why; and what nodes say of their elections.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeResource, SegmentMemberResource, SegmentResource } from '../model/api.ts';
import type { MulticastSessionResource } from '../model/segment-resources.ts';
import { segmentsFinding } from './doctor/ccm-checks.ts';
import { fleetLines, fleetOverview } from './fleet-overview.ts';
import { nodeLines } from './resource-lines.ts';
import { segmentLines, segmentTable } from './segment-lines.ts';
import { createStyle } from './style.ts';

const at = '2026-11-28T05:00:00.000Z';

function memberOf(node: string, more: Partial<SegmentMemberResource> = {}): SegmentMemberResource {
  return {
    node,
    state: 'online',
    follows: null,
    connected: true,
    behind: null,
    isNew: false,
    placedBy: 'heard',
    role: 'allowed',
    factor: 1,
    address: '10.0.0.1',
    offer: { maintenance: false, freeBytes: 1_536, load: 10 },
    ...more,
  };
}

const session: MulticastSessionResource = {
  id: '0000abcd',
  leader: 'web1',
  startedAt: at,
  endedAt: at,
  site: 'shop',
  assignment: 'b'.repeat(64),
  group: '239.255.84.3',
  port: 17_460,
  repair: 'fec',
  isRunning: false,
  tookMs: 65_000,
  blocks: 100,
  blocksSent: 100,
  sentBytes: 2_097_152,
  bytesPerSecond: 15_625_000,
  bytesPerSecondMax: 25_000_000,
  loss: 0.012,
  repairShare: 0.0304,
  receivers: { invited: 0, absent: 0, receiving: 0, complete: 17, failed: 1, unicast: 2 },
  incomplete: [{ node: 'web7', state: 'failed', loss: 0.52, why: 'its disk\u001b[31m is full' }],
  problem: 'The interface is down.',
};

const segment: SegmentResource = {
  wanRate: { mbit: 20, hours: [] },
  traffic: {
    leader: 'web1',
    at,
    servedBytes: 2_097_152,
    fetchedBytes: 1_048_576,
    tookMs: 10_000,
    bytesPerSecondMax: 2_000_000,
  },
  name: 'rack-5',
  id: 'a'.repeat(32),
  createdAt: at,
  channel: { transport: 'multicast', group: 'ff15::1', port: 17_446 },
  rate: { mbit: 200, hours: [{ from: '22:00', to: '06:00', mbit: null }] },
  leader: { node: 'web1', term: 7, since: at, address: '10.0.0.1' },
  lastLeader: { node: 'web1', term: 7 },
  refused: [{ leader: 'web3', term: 9, members: ['web3', 'web4'] }],
  report: {
    at,
    leader: 'web1',
    term: 7,
    triggers: ['join', 'timer'],
    location: 'row\u001b[31m 5',
    timeZone: 'Europe/Berlin',
    freeBytes: 2_048,
    cpus: 1,
    connections: 3,
    ignoredMembers: 2,
  },
  members: [
    memberOf('web1', { state: 'leader' }),
    memberOf('web2', { state: 'offline', connected: false, role: 'never', offer: null }),
    memberOf('web4', { state: 'apart', follows: 'web3', isNew: true, factor: 2 }),
    memberOf('web5', { behind: { leader: 'web1', since: at } }),
  ],
  rounds: [
    {
      at,
      leader: 'web1',
      site: 'shop',
      release: { epoch: 1, sequence: 42 },
      phase: 'staged',
      reported: 17,
      working: ['web5'],
      missing: ['web6', 'web7'],
    },
  ],
  problems: [
    {
      at,
      leader: 'web1',
      site: 'shop',
      assignment: 'b'.repeat(64),
      error: { code: 'DISK_FAILED', message: 'no space\u001b[31m left' },
    },
  ],
  sessions: [
    session,
    { ...session, isRunning: true, problem: null, incomplete: [], endedAt: null, bytesPerSecondMax: null },
  ],
};

test('R5.4: a segment shows leader, report, refused leaders and the state of every node; nothing of it can draw on the terminal', () => {
  const text = segmentLines(segment).join('\n');
  assert.match(text, /leader +web1 \(10\.0\.0\.1\), term 7, since 2026-11-28 05:00:00Z/);
  assert.match(text, /control channel +multicast \[ff15::1\]:17446/);
  assert.match(text, /online +2 of 4/);
  assert.match(text, /because of: join, timer/);
  assert.match(text, /left out +2 reported members/);
  assert.match(text, /refused: web3, term 9, followed by web4/);
  assert.match(text, /web2 +offline +away +excluded/);
  assert.match(text, /web4 +apart \(web3\), new +connected +– +2 /);
  assert.match(text, /web5 +online +behind web1/);
  assert.match(
    text,
    /last round +2026-11-28 05:00:00Z, shop 1-0042 staged: 17 reported, at work: web5, missing: web6, web7/,
  );
  assert.match(text, /last problem +2026-11-28 05:00:00Z, shop: no space.* left \(DISK_FAILED\)/);
  assert.match(text, /multicast +at most 200 Mbit\/s; 22:00 to 06:00 no limit/);
  assert.match(
    text,
    /elsewhere +at most 20 Mbit\/s; in 10 s until 2026-11-28 05:00:00Z web1 served 2\.0 MiB, fetched 1\.0 MiB, at most 16 Mbit\/s then/,
  );
  assert.match(
    text,
    /shop +2026-11-28 05:00:00Z +1 min 5 s +17 of 20 +2\.0 MiB +125 +200 +1\.2 % +3 % fec +239\.255\.84\.3:17460/,
  );
  assert.match(text, /shop, running +.* 125 +– /);
  assert.match(text, /shop: The interface is down\.\nshop: web7 failed, loss 52 %: its disk.* is full/);
  assert.ok(text.indexOf('shop, running') < text.indexOf('shop  '), 'what runs comes first');
  assert.ok(!text.includes('\u001b'));
  const empty = {
    ...segment,
    leader: null,
    report: null,
    members: [],
    refused: [],
    rounds: [],
    problems: [],
    sessions: [],
  };
  assert.match(segmentLines(empty).join('\n'), /leader +none; before: web1, term 7[\s\S]*no nodes/);
  assert.match(segmentTable([segment]).join('\n'), /rack-5 +web1 +7 +2 of 4/);
});

const node = {
  name: 'web1',
  labels: {},
  connected: true,
  behind: null,
  maintenance: false,
  url: null,
  agentVersion: null,
  freeBytes: null,
  joinedAt: at,
  lastSeenAt: at,
  certificate: { serial: '1', expiresAt: '2027-01-01T00:00:00.000Z' },
  isNew: true,
  segment: 'rack-5',
  leadRole: 'preassigned',
  leadFactor: 2,
  sites: [],
} satisfies NodeResource;

test('R5.2 R5.5: a node shows its segment, role, state, its priority with its terms, when it heard a leader, and that it is new', () => {
  const text = nodeLines({
    ...node,
    election: {
      saidAt: at,
      state: 'known',
      term: 7,
      leader: 'web2',
      priority: 0.123456,
      priorityTerms: { cpu: 0.25, factor: 2 },
      aliveAt: at,
      address: null,
      port: 17_446,
      transport: 'unicast',
      reason: 'multicast does not come back',
      heard: ['rack-6'],
      dropped: { replay: 2, stranger: 0 },
    },
  }).join('\n');
  assert.match(text, /state +connected, new/);
  assert.match(text, /link +its own/);
  const behind = nodeLines({ ...node, behind: { leader: 'web9', since: at } }).join('\n');
  assert.match(behind, /link +through web9, its leader, since 2026-11-28 05:00:00Z/);
  assert.match(text, /segment +rack-5\nmay lead +preassigned, factor 2/);
  assert.match(text, /election +known, term 7, leader web2/);
  assert.match(text, /priority +0\.1235 \(cpu 0\.25, factor 2\)/);
  assert.match(text, /leader heard +2026-11-28 05:00:00Z/);
  assert.match(text, /channel +unicast, no interface port 17446: multicast does not come back/);
  assert.match(text, /hears also +rack-6\ndropped +replay 2$/);
});

test('status names segments without a leader, nodes that are new, and certificates that end within two weeks', () => {
  const nowMs = Date.parse('2026-12-20T00:00:00.000Z');
  const gone = { ...segment, name: 'rack-6', leader: null };
  const later = {
    ...node,
    name: 'web2',
    isNew: false,
    certificate: { serial: '2', expiresAt: '2027-02-01T00:00:00.000Z' },
  };
  const overview = fleetOverview([segment, gone], [node, later], nowMs);
  assert.deepEqual(overview, {
    segments: [
      { name: 'rack-5', leader: 'web1', members: 4, notOnline: ['web2', 'web4'], refused: ['web3'] },
      { name: 'rack-6', leader: null, members: 4, notOnline: ['web2', 'web4'], refused: ['web3'] },
    ],
    newNodes: ['web1'],
    endingCertificates: [{ node: 'web1', expiresAt: '2027-01-01T00:00:00.000Z' }],
  });
  const text = fleetLines(overview, createStyle(false)).join('\n');
  assert.match(text, /rack-5 +web1 \(refused: web3\) +2 of 4 +web2, web4/);
  assert.match(text, /rack-6 +none/);
  assert.match(text, /new nodes: web1/);
  assert.match(text, /within two weeks: web1 \(2027-01-01\)/);
  assert.deepEqual(fleetLines(fleetOverview([], [later], nowMs), createStyle(false)), []);
});

test('doctor warns of segments without a leader and in parts, not of those whose nodes are all away', () => {
  const away = segment.members.map((member) => ({ ...member, connected: false }));
  const whole = { ...segment, refused: [] };
  const asleep = { ...whole, name: 'asleep', leader: null, members: away };
  assert.deepEqual(segmentsFinding([whole, asleep]), { outcome: 'ok', message: '1 segment with a leader' });
  const { outcome, message } = segmentsFinding([segment, { ...whole, name: 'rack-6', leader: null }]);
  assert.equal(outcome, 'warn');
  assert.match(message, /rack-6 has no leader; rack-5 is in parts \(web3 refused\)/);
});
