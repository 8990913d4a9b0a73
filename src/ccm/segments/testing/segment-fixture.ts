// For tests: segments over a registry in memory and a clock that the test moves; nodes are spoken for by the test.

import { pino } from 'pino';
import type { CcmMessage } from '../../../model/messages.ts';
import { type ReportedMember, unassignedSegment } from '../../../model/segment.ts';
import { type SegmentAgentMessage, segmentProfile } from '../../../model/segment-messages.ts';
import type { TreecastError } from '../../../model/treecast-error.ts';
import { createManualClock, type ManualClock } from '../../../net/testing/manual-clock.ts';
import type { Behind } from '../../gateway/leaders/member-connection.ts';
import type { Registry } from '../../registry/registry.ts';
import { certificateOf, temporaryRegistry } from '../../registry/testing/temporary-registry.ts';
import { createSegments, type Segments } from '../segments.ts';

type Report = Extract<SegmentAgentMessage, { type: 'segmentReport' }>;
type State = Extract<SegmentAgentMessage, { type: 'segmentState' }>;
type Told<T extends CcmMessage['type']> = Extract<CcmMessage, { type: T }>;

export interface SegmentFixture {
  readonly registry: Registry;
  readonly clock: ManualClock;
  readonly segments: Segments;
  readonly health: { waitsFor: TreecastError | undefined };
  /** Who is behind whom, as the test says. */
  readonly behind: Map<string, Behind>;
  /** Whom the gateway was told of last, by segment. Another one begins a session. */
  readonly appointed: Map<string, string | null>;
  /** The CCM is started again, with what its database has. */
  restarted(): Segments;
  /** Joins (unless it has), connects, and is told. */
  connect(...nodes: string[]): void;
  /** Everything told to a node of that type, oldest first. */
  told<T extends CcmMessage['type']>(node: string, type: T): Told<T>[];
  /** The id that the CCM gave the node. */
  idOf(node: string): string;
  say(node: string, more?: Partial<State>): void;
  /** In the node's own segment, with these others; `-web2` is offline. */
  report(leader: string, others: readonly string[], more?: Partial<Report>): void;
  /** Of segments and placements, as `kind node`. */
  events(): string[];
}

/** What one node says is taken at most four times a second. */
const wordIntervalMs = 250;

export async function segmentFixture(): Promise<SegmentFixture> {
  const { registry, clock: registryClock } = await temporaryRegistry();
  const manual = createManualClock(registryClock.now);
  const clock: ManualClock = {
    ...manual,
    advance(milliseconds) {
      manual.advance(milliseconds);
      registryClock.now = manual.now();
    },
  };
  const sent: { readonly node: string; readonly message: CcmMessage }[] = [];
  const connected = new Set<string>();
  const behind: SegmentFixture['behind'] = new Map();
  const appointed: SegmentFixture['appointed'] = new Map();
  const health: SegmentFixture['health'] = { waitsFor: undefined };
  const create = () =>
    createSegments({
      registry,
      send: (node, message) => sent.push({ node, message }),
      isConnected: (node) => connected.has(node),
      behind: (node) => behind.get(node) ?? null,
      appoint(segment, leader) {
        const hasBegun = leader !== null && appointed.get(segment) !== leader;
        appointed.set(segment, leader);
        return hasBegun;
      },
      health,
      clock,
      logger: pino({ level: 'silent' }),
    });
  let segments = create();
  const idOf = (node: string) => registry.nodes.get(node).segment ?? unassignedSegment;

  return {
    registry,
    clock,
    health,
    behind,
    appointed,
    get segments() {
      return segments;
    },
    restarted() {
      segments.close();
      connected.clear();
      segments = create();
      return segments;
    },
    connect(...nodes) {
      for (const node of nodes) {
        if (registry.nodes.find(node) === undefined)
          registry.nodes.join({ name: node, ...certificateOf(node) });
        connected.add(node);
        segments.connected(node, { profiles: [segmentProfile] });
        segments.welcomed(node);
      }
      clock.advance(600);
    },
    told: <T extends CcmMessage['type']>(node: string, type: T) =>
      sent.flatMap((each) =>
        each.node === node && each.message.type === type ? [each.message as Told<T>] : [],
      ),
    idOf,
    say(node, more = {}) {
      segments.message(node, stateWord({ segment: idOf(node), ...more }));
      clock.advance(wordIntervalMs);
    },
    report(leader, others, more = {}) {
      const members = [leader, ...others].map(
        (name): ReportedMember => ({
          node: name.replace('-', ''),
          online: !name.startsWith('-'),
          address: '10.0.0.2',
          port: 9,
          capabilities: [],
          offer: null,
        }),
      );
      segments.message(leader, {
        type: 'segmentReport',
        segment: idOf(leader),
        term: 1,
        priority: 0.5,
        leader,
        list: 1,
        triggers: ['timer'],
        members,
        location: null,
        timeZone: 'UTC',
        freeBytes: 1,
        cpus: 2,
        connections: 3,
        ...more,
      });
      clock.advance(wordIntervalMs);
    },
    events: () =>
      registry.events
        .page({ after: 0, limit: 1_000 })
        .filter(({ kind }) => kind.startsWith('segment.') || kind === 'node.placed')
        .map(({ kind, node }) => `${kind.replace('segment.', '')}${node === null ? '' : ` ${node}`}`),
  };
}

/** What a node says of itself. */
export function stateWord(more: Partial<State> & Pick<State, 'segment'>): State {
  return {
    type: 'segmentState',
    state: 'known',
    term: 1,
    leader: null,
    priority: 0.5,
    priorityTerms: {},
    aliveAgoMs: 100,
    address: '10.0.0.1',
    port: 9,
    transport: 'multicast',
    reason: 'it works',
    heard: [],
    dropped: {},
    ...more,
  };
}

/** `web1` leads, `web2` follows, both in a segment that `web1` was the first of. */
export async function settledSegment(...more: string[]): Promise<SegmentFixture> {
  const fixture = await segmentFixture();
  const others = ['web2', ...more];
  fixture.connect('web1', ...others);
  for (const node of others) fixture.say(node, { leader: 'web1' });
  fixture.report('web1', others);
  fixture.clock.advance(600);
  return fixture;
}
