// The tree of group leaders on the CCM (TREE-90 to TREE-98): who takes part in bringing an assignment to the segments, which words of leaders count, when it
// ends. Each assignment's own way is a run; delivery asks here before it tells nodes of an assignment behind a URL.

import type { KeyObject } from 'node:crypto';
import { blockBytes } from '../../model/assignment.ts';
import type { Release } from '../../model/release.ts';
import { compareReleases } from '../../model/release.ts';
import { type TreeAgentMessage, type TreeCcmMessage, treeProfile } from '../../model/tree-messages.ts';
import type { Clock } from '../../net/clock.ts';
import type { AgentGateway } from '../gateway/agent-gateway.ts';
import type { LeaderSession } from '../gateway/leaders/leader-sessions.ts';
import { type ComingLeaders, createComingLeaders } from './coming-leaders.ts';
import { createHandOutWriter } from './hand-out-writer.ts';
import type { LeaderFacts, SiteLeaders } from './leader-facts.ts';
import { createTreeLog, type TreeLogOptions } from './tree-log.ts';
import { createTreeRun, type Participant, type TreeRun } from './tree-run.ts';

export interface TreeWork {
  readonly site: string;
  readonly release: Release;
  readonly id: string;
  readonly manifestBytes: number;
  readonly dataBytes: number;
}

export interface Trees {
  /** Leaders that these nodes are behind, or that they are, are told that this comes by hand-outs, and the first are handed out to. */
  expect(work: TreeWork, nodes: readonly string[]): void;
  /** These nodes need the release no more; null: nothing of the site's. */
  leave(site: string, release: Release | null, nodes: readonly string[]): void;
  /** These nodes are told of this release another way: they need older ones no more. */
  supersede(site: string, release: Release, nodes: readonly string[]): void;
  /** Whether so many bytes for each of them are too much for messages to leaders. */
  isTooMuchAtOnce(bytes: number, nodes: readonly string[]): boolean;
  readonly coming: Pick<ComingLeaders, 'isComing' | 'isHeld' | 'hold'>;
  /** Over a link of its own. */
  connected(node: string, profiles: readonly string[]): void;
  disconnected(node: string): void;
  said(node: string, message: TreeAgentMessage): void;
  /** A leader's session began; null: it ended. */
  led(segment: string, leader: string | null): void;
  /** Whoever has its name from now on is another node. */
  removed(node: string): void;
  /** Those of a release, the oldest first. */
  ofRelease(site: string, release: Release): readonly TreeRun[];
  close(): void;
}

export interface TreesOptions extends TreeLogOptions {
  readonly ccm: string;
  /** Off: everybody fetches from the CCM. */
  readonly isOn: boolean;
  readonly gateway: Pick<AgentGateway, 'send' | 'behind' | 'leading'>;
  readonly facts: LeaderFacts;
  /** Whether the segment was ever led. */
  readonly wasLed: (segment: string) => boolean;
  readonly segmentOf: (node: string) => string | null;
  readonly releaseKey: () => KeyObject;
  /** What the CCM may send; null: not limited. */
  readonly ccmBytesPerSecond: () => number | null;
  readonly clock: Clock;
}

/** Runs that are over, or came to their end, and are kept to be shown and asked. */
const endedMax = 64;
/** Of all those together, beside the last one: what is kept of each takes memory. */
const endedNodesMax = 200_000;
/** What is assumed of the CCM's uplink where nothing limits it: 1 Gbit/s. */
const uplinkAssumed = 125_000_000;
/** After the begin of its session a leader may speak of what the CCM, started anew, will deliver in a moment. */
const newSessionMs = 30_000;

export function createTrees(options: TreesOptions): Trees {
  const { ccm, gateway, facts, clock } = options;
  const log = createTreeLog(options);
  const runs = new Map<string, TreeRun>();
  const bySite = new Map<string, Set<TreeRun>>();
  /** By segment: the leader in session, and since when. */
  const leaders = new Map<string, { readonly node: string; readonly since: number }>();
  /** Who leads no more may have an older agent by now, which would refuse it. */
  function send(node: string, message: TreeCcmMessage): void {
    if (sessionOf(node) !== null) gateway.send(node, message);
  }
  const { places, measures } = facts;
  const coming = createComingLeaders({
    clock,
    leaderlessSegmentOf(node) {
      const segment = options.isOn ? options.segmentOf(node) : null;
      return segment === null || leaders.has(segment) || !options.wasLed(segment) ? undefined : segment;
    },
  });
  const writeHandOut = createHandOutWriter({
    ccm,
    releaseKey: options.releaseKey,
    places,
    now: clock.now,
  });

  function sessionOf(node: string): LeaderSession | null {
    const session = gateway.leading(node);
    return session?.profiles.includes(treeProfile) === true ? session : null;
  }

  /** Which leader a node has it from; the leader's own node is one. */
  function leadersOf(nodes: readonly string[]): Map<string, string[]> {
    const byLeader = new Map<string, string[]>();
    if (!options.isOn) return byLeader;
    for (const node of nodes) {
      const behind = gateway.behind(node);
      const leader = behind?.leader ?? node;
      const session = sessionOf(leader);
      if (session === null || (behind !== null && behind.segment !== session.segment)) continue;
      const others = byLeader.get(leader);
      if (others === undefined) byLeader.set(leader, [node]);
      else others.push(node);
    }
    return byLeader;
  }

  function participant(of: SiteLeaders, leader: string, nodes: readonly string[]): Participant | undefined {
    const session = sessionOf(leader);
    if (session === null) return undefined;
    if (session.delayMs !== null) measures.delayed(leader, session.delayMs);
    return { leader: of.of(leader, session.segment), session: session.id, nodes };
  }

  function begin(work: TreeWork, participants: readonly Participant[]): void {
    const { site, release, id, manifestBytes, dataBytes } = work;
    const run = createTreeRun({
      ccm,
      subject: {
        ...{ site, release, assignment: id, manifestBytes, dataBytes },
        job: `${site}@${release.epoch}-${release.sequence}`,
        blocks: Math.ceil(dataBytes / blockBytes),
      },
      participants,
      ccmBytesPerSecond: options.ccmBytesPerSecond(),
      clock,
      writeHandOut,
      placeOf: places.of,
      send,
      onFact: (fact) => log.fact(work, fact),
      onLog: log.line,
    });
    runs.set(id, run);
    const ofSite = bySite.get(site) ?? new Set();
    bySite.set(site, ofSite.add(run));
    forgetOld();
  }

  function forgetOld(): void {
    const ended = [...runs.values()].filter(({ isOver, completedAt }) => isOver || completedAt !== null);
    let nodes = 0;
    for (const [index, run] of ended.reverse().entries()) {
      nodes += run.nodes;
      if (index >= endedMax || (index > 0 && nodes > endedNodesMax)) forget(run);
    }
  }

  function forget(run: TreeRun): void {
    const { site, assignment } = run.subject;
    run.close();
    runs.delete(assignment);
    const ofSite = bySite.get(site);
    ofSite?.delete(run);
    if (ofSite?.size === 0) bySite.delete(site);
  }

  function leave(site: string, nodes: readonly string[], isLeft: (release: Release) => boolean): void {
    for (const run of bySite.get(site) ?? [])
      if (!run.isOver && isLeft(run.subject.release)) run.leave(nodes);
  }

  function supersede(site: string, release: Release, nodes: readonly string[]): void {
    leave(site, nodes, (each) => compareReleases(each, release) < 0);
  }

  /** Undefined: not its business, and dealt with. */
  function runOf(node: string, message: TreeAgentMessage): { run: TreeRun; segment: string } | undefined {
    const session = sessionOf(node);
    if (session === null) return log.ignored(node, message, 'it leads no segment');
    if (message.ccm !== ccm) return log.ignored(node, message, 'it means another CCM');
    const { segment } = session;
    const run = runs.get(message.assignment);
    if (run?.isOver === false && run.leaderOf(segment) === node) return { run, segment };
    const since = leaders.get(segment)?.since ?? clock.now();
    // It says what it has before it is told what it needs.
    if (clock.now() - since < newSessionMs && run?.isOver !== true) return undefined;
    if (message.type !== 'treeState') {
      const { assignment } = message;
      if (message.type === 'treeNext')
        send(node, { type: 'treeNextAnswer', ccm, assignment, next: [], more: 'none' });
      else send(node, { type: 'treeEnd', ccm, assignment });
      log.ignored(node, message, 'it has no part in this');
    }
    return undefined;
  }

  function learn(node: string, run: TreeRun, message: TreeAgentMessage): void {
    if (message.type === 'treeNext') {
      for (const each of message.unreached)
        if (each.trouble === 'unreachable' && run.brings(node, each.node)) places.unreached(each.node, node);
      return;
    }
    if (message.type !== 'treeSourceLost' || message.source === null || message.trouble === 'none') return;
    if (!run.blames(node, message.source)) return;
    measures.troubled(message.source);
    if (message.trouble === 'unreachable') places.unreached(message.source, node);
  }

  return {
    expect(work, nodes) {
      supersede(work.site, work.release, nodes);
      const byLeader = leadersOf(nodes);
      if (byLeader.size === 0) return;
      const site = facts.forSite(work.site);
      const participants = site.inOrder(
        [...byLeader].flatMap(([leader, behind]) => participant(site, leader, behind) ?? []),
      );
      const run = runs.get(work.id);
      if (run?.isOver === false) run.join(participants);
      else {
        if (run !== undefined) forget(run);
        begin(work, participants);
      }
    },

    leave: (site, release, nodes) =>
      leave(site, nodes, (each) => release === null || compareReleases(each, release) === 0),
    supersede,

    isTooMuchAtOnce(bytes, nodes) {
      const uplink = options.ccmBytesPerSecond() ?? uplinkAssumed;
      // Most are too few for that, and need not be counted.
      return nodes.length * bytes > uplink && leadersOf(nodes).size * bytes > uplink;
    },

    coming,
    connected: coming.connected,
    disconnected: coming.disconnected,

    said(node, message) {
      const found = runOf(node, message);
      if (found === undefined) return;
      const { run, segment } = found;
      learn(node, run, message);
      const figures = run.hear(segment, message);
      if (figures.length > 0) measures.fetched(node, figures);
      for (const { node: source, bytes } of figures) if (source !== null && bytes > 0) places.reached(source);
      if (message.type === 'treeState' && message.state === 'failed')
        log.failed(run.subject, node, message.error);
    },

    led(segment, leader) {
      if (leader === null) {
        leaders.delete(segment);
        for (const run of runs.values()) if (!run.isOver) run.gone(segment);
        return;
      }
      leaders.set(segment, { node: leader, since: clock.now() });
      // It may have been down, and is not now.
      places.reached(leader);
      // One that was away for a moment goes on; another one is told with the first delivery behind it.
      for (const run of runs.values()) {
        if (run.isOver || run.leaderOf(segment) !== leader) continue;
        const again = participant(facts.forSite(run.subject.site), leader, []);
        if (again !== undefined) run.join([again]);
      }
      coming.led(segment, leader);
    },

    removed(node) {
      for (const run of runs.values()) if (!run.isOver) run.leave([node]);
      coming.disconnected(node);
      measures.forget(node);
      places.reached(node);
    },

    ofRelease: (site, release) =>
      [...(bySite.get(site) ?? [])].filter(({ subject }) => compareReleases(subject.release, release) === 0),

    close() {
      coming.close();
      for (const run of runs.values()) run.close();
      measures.close();
    },
  };
}
