// The agent's part in its segment: runs the driver by what agent.yaml and the CCM say, remembers what must not be forgotten, and tells the CCM.
// Who leads is the machine's matter, where the node belongs the CCM's.

import type { AgentMessage, Hello } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import {
  type ControlChannel,
  type LeadRole,
  type MemberDescription,
  unassignedSegment,
} from '../../model/segment.ts';
import type { SegmentCcmMessage } from '../../model/segment-messages.ts';
import { type Clock, steadyClock } from '../../net/clock.ts';
import type { ReceivedMessage } from '../../net/link/link-client.ts';
import { createSegmentDriver, type SegmentDriver } from '../../net/segment/segment-driver.ts';
import type { SocketAddress } from '../../net/segment/trust/peer-book.ts';
import type { Candidate } from '../../protocol/election/standing.ts';
import { createSegmentMember, type MemberFact } from '../../protocol/segment/segment-member.ts';
import type { NodeCredentials } from '../credentials/node-credentials.ts';
import type { AgentLog } from '../session/agent-log.ts';
import { parseDecision } from './heard-decision.ts';
import { createHeardSegments } from './heard-segments.ts';
import { leadResources, memberOffer } from './lead-resources.ts';
import { partFields } from './part-fields.ts';
import { createReliability } from './reliability.ts';
import { createSegmentFollower, type ToldSegment } from './segment-follower.ts';
import { openSegmentMemory, type SegmentMemory } from './segment-memory.ts';
import { createSegmentReporter } from './segment-reporter.ts';
import { channelOf, peersOf, type SegmentSettings, timingOf } from './segment-settings.ts';
import { type SegmentView, segmentView } from './segment-view.ts';

export interface SegmentAgent {
  /** What is none of the segment's is passed over. */
  receive(message: ReceivedMessage): void;
  linkDown(): void;
  /** What is said goes through the leader from now on, to a CCM that has told this node before where it belongs. */
  behind(): void;
  /** To all members, by multicast. */
  announceDecision(decision: SignedDecision): void;
  /** Where other nodes listen, of whatever segment. */
  heardPlaces(): readonly SocketAddress[];
  view(): SegmentView;
  /** By SHA-256 of the certificate, 64 hex digits: the CCM has said that it counts no more. */
  isRevoked(fingerprint: string): boolean;
  /** Says goodbye to the segment. */
  close(): Promise<void>;
}

export interface SegmentAgentOptions {
  readonly node: string;
  /** The agent's state directory. */
  readonly directory: string;
  readonly settings: SegmentSettings;
  readonly credentials: Pick<NodeCredentials, 'key' | 'current'>;
  readonly ccmUrl: string;
  readonly capabilities: readonly string[];
  readonly freeBytes: () => number;
  /** Part of its sites whose newest decision is live. */
  readonly content: () => number;
  readonly send: (message: Exclude<AgentMessage, Hello>) => boolean;
  readonly random: () => number;
  readonly log: AgentLog;
  readonly clock?: Clock;
  /** The view is another one, but for where those are that do not lead. */
  readonly onView?: () => void;
  /** From the node that this one follows; whose word it is, its signature says. */
  readonly onDecision?: (from: string, decision: SignedDecision) => void;
  /** What this node may send by multicast as its segment's leader; null: no limit, or it leads nobody. */
  readonly bytesPerSecondMax?: () => number | null;
}

/** How long a node that has never been in a segment waits for the CCM to say which. */
const firstWordMs = 2_000;
const measureEveryMs = 10_000;
const tryAgainMs = 10_000;
const lookDelayMs = 20;

/** Begins at once, in the background; what goes wrong is logged and tried again. */
export function createSegmentAgent(options: SegmentAgentOptions): SegmentAgent {
  const { settings, credentials, log, node } = options;
  const clock = options.clock ?? steadyClock;
  const { hostname, port: ccmPort } = new URL(options.ccmUrl);
  const towards = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(ccmPort || 443) };
  const cancels = new Set<() => void>();
  const firstWord = Promise.withResolvers<void>();
  const heard = createHeardSegments(clock);
  const reliability = createReliability(clock);
  let closed = false;
  let memory: SegmentMemory | undefined;
  let driver: SegmentDriver | undefined;
  let told: ToldSegment | undefined;
  let revoked: Extract<SegmentCcmMessage, { readonly type: 'revocations' }> | undefined;
  let revokedSet: ReadonlySet<string> = new Set();
  let isFirstTold = true;
  let accepted: string | null = null;
  let seen = '';
  let isLooking = false;
  let working: Promise<void> = Promise.resolve();

  const reporter = createSegmentReporter({
    send: options.send,
    driver: () => driver,
    segment: current,
    port: () => place().port,
    heard: () => heard.list(current()),
    freeBytes: options.freeBytes,
    location: settings.location ?? null,
    clock,
  });

  const follower = createSegmentFollower({
    settings,
    memory: () => memory,
    driver: () => driver,
    work,
    after,
    reopen,
    clock,
  });

  function view(): SegmentView {
    return segmentView({ node, segment: current(), driver, accepted, peers: told?.peers ?? [] });
  }

  /** The machine of a leader does many steps a second, and few of them are to be seen. */
  function look(): void {
    reporter.look();
    if (isLooking) return;
    isLooking = true;
    after(lookDelayMs, () => {
      isLooking = false;
      const { others, ...now } = view();
      const text = JSON.stringify([now, others.find((other) => other.node === now.leader)]);
      if (text === seen) return;
      seen = text;
      options.onView?.();
    });
  }

  function current(): string {
    return memory?.current().segment ?? unassignedSegment;
  }

  function place(): ControlChannel {
    return channelOf(settings, (memory as SegmentMemory).current().channel);
  }

  /** One thing at a time; a failure is said, and the rest goes on. */
  function work(run: () => Promise<void>): void {
    working = working.then(async () => {
      if (closed) return;
      await run().catch((error: unknown) =>
        log.warn({ err: error }, 'the segment could not be taken care of'),
      );
    });
  }

  function after(delayMs: number, run: () => void): void {
    const cancel = clock.after(delayMs, () => {
      cancels.delete(cancel);
      if (!closed) run();
    });
    cancels.add(cancel);
  }

  async function begin(): Promise<void> {
    try {
      memory ??= await openSegmentMemory(options.directory, (cause) =>
        log.warn({ err: cause }, 'what this node remembered of its segment is damaged; it begins anew'),
      );
      if (!memory.isSettled()) {
        after(firstWordMs, firstWord.resolve);
        await firstWord.promise;
        if (closed) return;
        if (told !== undefined) await memory.settle(follower.settled(told));
      }
      await open();
    } catch (error) {
      log.warn({ err: error, retryMs: tryAgainMs }, 'this node takes no part in its segment yet');
      after(tryAgainMs, () => {
        work(begin);
        if (told !== undefined) follower.takeUp(told);
      });
    }
  }

  async function open(): Promise<void> {
    const remembered = memory as SegmentMemory;
    const { segment, channel } = remembered.current();
    const ballot = remembered.ballotOf(segment);
    const boot = await remembered.nextBoot();
    const opened = await createSegmentDriver({
      node,
      identity: () => ({ key: credentials.key(), certificate: credentials.current().identity.certificate }),
      authorities: credentials.current().ca,
      boot,
      segment,
      place: channel,
      adapt: (said) => channelOf(settings, said),
      transport: settings.transport,
      wishes: { wanted: settings.interface, towards },
      clock,
      ballot,
      createMachine: ({ now, own }) =>
        createSegmentMember({
          now,
          node,
          timing: timingOf(settings, remembered.current()),
          random: options.random,
          ballot,
          self: describe(own),
          candidate: candidate(),
          others: told?.others ?? 0,
        }),
      describe,
      persist: remembered.vote,
      onFact: hear,
      onDecision: hearDecision,
      bytesPerSecondMax: () => options.bytesPerSecondMax?.() ?? null,
      onStep: look,
      onOtherSegment(other) {
        const isFirst = !isExpected();
        heard.note(other);
        if (isFirst && isExpected()) measure();
      },
      onBroken(error) {
        log.error({ err: error }, 'a defect keeps this node out of its segment for a while');
        after(tryAgainMs, () => work(reopen));
      },
      log: (level, event, data) => log[level](data, `segment: ${event}`),
    });
    driver = opened;
    if (closed) return;
    tellDriver();
    log.info(
      partFields(segment, opened.state(), channelOf(settings, channel)),
      'this node takes part in its segment',
    );
  }

  async function reopen(): Promise<void> {
    await driver?.close();
    driver = undefined;
    look();
    await begin();
  }

  function describe(own: SocketAddress | null): MemberDescription {
    const { address, port } = own ?? { address: '0.0.0.0', port: 1 };
    return {
      address,
      port,
      capabilities: options.capabilities,
      offer: memberOffer(options.freeBytes(), told?.maintenance ?? false),
    };
  }

  /** A segment with a leader is near, and will be this node's as soon as the CCM knows: an election among those without one would only delay that. */
  function isExpected(): boolean {
    return current() === unassignedSegment && heard.list(unassignedSegment).length > 0;
  }

  function candidate(): Candidate {
    const mayLead = settings.lead !== 'never' && !isExpected();
    const role: LeadRole = mayLead ? (told?.role ?? 'allowed') : 'never';
    const measured = { ...options, reliability: reliability.share };
    return {
      role,
      factor: told?.factor ?? 1,
      resources: leadResources(measured, driver?.state().interface?.name),
    };
  }

  /** All that the CCM and this machine say, to a driver that may be new. */
  function tellDriver(): void {
    if (driver === undefined) return;
    driver.station.believe(credentials.current().ca);
    driver.peers(
      [...peersOf(settings, place().port), ...(told?.peers ?? [])],
      told?.others ?? settings.peers.length,
    );
    if (revoked !== undefined) {
      driver.station.revoke(revoked.fingerprints);
      driver.input({ input: 'revocations', number: revoked.number });
    }
    driver.input({ input: 'verdict', accepted });
    measure();
  }

  function measure(): void {
    const own = driver?.state().own ?? null;
    reliability.note(own !== null);
    driver?.input({ input: 'self', self: describe(own), candidate: candidate() });
  }

  function hear(fact: MemberFact): void {
    if (fact.fact === 'segment-report') reporter.report(current(), fact.report);
    else if (fact.fact === 'move') {
      work(async () => {
        await memory?.settle({ segment: fact.to.segment, channel: fact.to.channel });
        measure();
        look();
        log.info({ segment: fact.to.segment, ...fact.to.channel }, 'the segment has moved');
      });
    } else if (fact.fact === 'leader') {
      log.info(
        { segment: current(), leader: fact.leader, term: fact.term },
        fact.self ? 'this node leads its segment' : 'the segment’s leader',
      );
      if (fact.self) follower.again();
    }
  }

  function hearDecision(from: string, text: Uint8Array): void {
    if (driver?.machine().leader !== from) return;
    const decision = parseDecision(text);
    if (decision !== undefined) options.onDecision?.(from, decision);
  }

  function measureAgain(): void {
    after(measureEveryMs, () => {
      measure();
      driver?.station.believe(credentials.current().ca);
      follower.again();
      measureAgain();
    });
  }

  work(begin);
  measureAgain();
  return {
    receive(message) {
      switch (message.type) {
        case 'segment': {
          told = message;
          firstWord.resolve();
          tellDriver();
          follower.takeUp(message);
          if (isFirstTold)
            work(async () => {
              reporter.maySpeak(true);
              driver?.input({ input: 'report', why: 'ccm' });
            });
          isFirstTold = false;
          return;
        }
        case 'segmentVerdict':
          if (message.segment !== current()) return;
          accepted = message.accepted?.leader ?? null;
          driver?.input({ input: 'verdict', accepted });
          if (message.assigned !== null && told !== undefined) {
            const assigned = {
              ...told,
              id: message.assigned,
              channel: (memory as SegmentMemory).current().channel,
            };
            follower.takeUp(assigned);
          }
          return;
        case 'segmentAsked':
          driver?.input({ input: 'report', why: message.trigger });
          return;
        case 'segmentResign':
          driver?.input({ input: 'resign' });
          return;
        case 'revocations':
          revoked = message;
          revokedSet = new Set(message.fingerprints);
          tellDriver();
          return;
        default:
      }
    },
    linkDown() {
      reporter.maySpeak(false);
      isFirstTold = true;
      accepted = null;
      driver?.input({ input: 'verdict', accepted });
    },
    behind() {
      isFirstTold = false;
      reporter.maySpeak(true);
    },
    announceDecision(decision) {
      driver?.station.announceDecision(Buffer.from(JSON.stringify(decision)));
    },
    heardPlaces: () => driver?.station.addresses() ?? [],
    view,
    isRevoked: (fingerprint) => revokedSet.has(fingerprint),
    async close() {
      closed = true;
      firstWord.resolve();
      for (const cancel of cancels) cancel();
      reporter.close();
      await working;
      await driver?.close();
    },
  };
}
