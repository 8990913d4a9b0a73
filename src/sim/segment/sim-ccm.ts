// The simulated CCM, as far as a segment sees it: links to the nodes that break and come back, the acceptance of leaders (the product's
// own), and what the accepted leader's last report says. Rules: docs/spec/segments.md.

import type { SegmentReport } from '../../model/segment.ts';
import {
  type AcceptanceVerdict,
  createAcceptance,
  type LeaderClaim,
} from '../../protocol/segment/acceptance.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import type { Random } from '../kernel/random.ts';

export interface CcmObserver {
  /** Whom the CCM accepts from now on. */
  accepted(claim: LeaderClaim | null): void;
  /** A report of the accepted leader; `ccm.members` holds what it says. */
  reported(report: SegmentReport): void;
}

export interface SimCcmOptions {
  readonly nodes: number;
  readonly queue: EventQueue;
  readonly random: Random;
  /** Whether the node is there and does something, and both directions are open. */
  canReach(node: number): boolean;
  /** Whether both directions are open. */
  isOpen(node: number): boolean;
  nameOf(node: number): string;
  /** To the node's driver; also what follows. */
  linked(node: number): void;
  /** The connection is closed. */
  unlinked(node: number): void;
  verdict(node: number, verdict: AcceptanceVerdict): void;
  /** With how many others of the segment the CCM is connected. */
  others(node: number, count: number): void;
  readonly observer: CcmObserver;
  readonly createAcceptance?: typeof createAcceptance;
}

export interface SimCcm {
  report(node: number, report: SegmentReport): void;
  /** It says that it does not lead. */
  leadsNoMore(node: number): void;
  /** Its process ended: what the kernel tells the other end of a connection. */
  ended(node: number): void;
  restart(downMs: number): void;
  /** As the CCM sees it: the connection has not been closed yet. */
  isLinked(node: number): boolean;
  /** Whether messages pass in both directions. */
  isHeard(node: number): boolean;
  accepted(): LeaderClaim | null;
  /** By the accepted leader's last report: who is a member, and whether it is online. */
  readonly members: ReadonlyMap<string, boolean>;
}

const tickMs = 250;
const silentMs = 3000;
/** How long the leader from before a restart is waited for. */
const formerMs = 5000;
const delayMinMs = 1;
const delayMaxMs = 25;
const reconnectMaxMs = 1000;

interface Link {
  isUp: boolean;
  /** The process at the node's end has gone, and its end of the connection with it. */
  isOrphan: boolean;
  /** Since when nothing passes; undefined: it does. */
  stuckAt: number | undefined;
  retryAt: number;
  /** Messages keep their order. */
  arrivesAt: number;
  /** Distinguishes connections. */
  serial: number;
  stuck: (() => void)[];
}

export function createSimCcm(options: SimCcmOptions): SimCcm {
  const { nodes, queue, random, canReach, nameOf, observer } = options;
  const makeAcceptance = options.createAcceptance ?? createAcceptance;
  const links = Array.from(
    { length: nodes },
    (): Link => ({
      isUp: false,
      isOrphan: false,
      stuckAt: undefined,
      retryAt: 0,
      arrivesAt: 0,
      serial: 0,
      stuck: [],
    }),
  );
  const indexes = new Map(links.map((_, node) => [nameOf(node), node]));
  const members = new Map<string, boolean>();
  let acceptance = makeAcceptance();
  let lastAccepted: LeaderClaim | null = null;
  let isDown = false;
  /** Counts restarts. */
  let life = 0;
  let toldOthers = -1;

  /** Over the connection as it is now, in order; lost with it. */
  const pass = (node: number, act: () => void): void => {
    const link = links[node] as Link;
    if (!link.isUp) return;
    // Whatever waits goes first.
    if (link.isOrphan || !canReach(node) || link.stuck.length > 0) {
      link.stuck.push(act);
      return;
    }
    link.arrivesAt = Math.max(link.arrivesAt, queue.now() + random.between(delayMinMs, delayMaxMs));
    const { serial } = link;
    queue.add(
      link.arrivesAt,
      () => {
        if (link.isUp && link.serial === serial) act();
      },
      null,
      0,
    );
  };

  const settle = (verdicts: readonly AcceptanceVerdict[]): void => {
    const now = acceptance.accepted;
    if (now?.leader !== lastAccepted?.leader || now?.term !== lastAccepted?.term) {
      lastAccepted = now;
      observer.accepted(now);
    }
    for (const verdict of verdicts) {
      const node = indexes.get(verdict.to);
      if (node !== undefined) pass(node, () => options.verdict(node, verdict));
    }
  };

  const close = (node: number): void => {
    const link = links[node] as Link;
    if (!link.isUp) return;
    link.isUp = false;
    link.stuck = [];
    link.stuckAt = undefined;
    link.retryAt = queue.now() + random.between(0, reconnectMaxMs);
    options.unlinked(node);
    settle(acceptance.gone(nameOf(node)));
  };

  const open = (node: number): void => {
    const link = links[node] as Link;
    link.isUp = true;
    link.isOrphan = false;
    link.serial += 1;
    link.stuckAt = undefined;
    pass(node, () => options.linked(node));
    toldOthers = -1;
  };

  const tick = (): void => {
    queue.add(queue.now() + tickMs, tick, null, 0);
    if (isDown) return;
    let linked = 0;
    for (let node = 0; node < nodes; node += 1) {
      const link = links[node] as Link;
      const reachable = canReach(node);
      // The node's next process connects anew.
      if (link.isUp && link.isOrphan && reachable) close(node);
      if (link.isUp && reachable) {
        link.stuckAt = undefined;
        const stuck = link.stuck.splice(0);
        for (const act of stuck) pass(node, act);
      } else if (link.isUp) {
        link.stuckAt ??= queue.now();
        if (queue.now() - link.stuckAt >= silentMs) close(node);
      } else if (reachable && queue.now() >= link.retryAt) open(node);
      if (link.isUp) linked += 1;
    }
    if (linked === toldOthers) return;
    toldOthers = linked;
    for (let node = 0; node < nodes; node += 1) pass(node, () => options.others(node, linked - 1));
  };
  queue.add(0, tick, null, 0);

  return {
    report(node, report) {
      pass(node, () => {
        const verdict = acceptance.claimed({ leader: report.leader, term: report.term });
        if (verdict.accepted.leader === report.leader) {
          members.clear();
          for (const member of report.members) members.set(member.node, member.online);
          observer.reported(report);
        }
        settle([verdict]);
      });
    },
    leadsNoMore(node) {
      pass(node, () => settle(acceptance.gone(nameOf(node))));
    },
    ended(node) {
      // Over a cut connection nothing is heard of that, until it is silent for too long.
      if (options.isOpen(node)) close(node);
      else (links[node] as Link).isOrphan = true;
    },
    restart(downMs) {
      if (isDown) return;
      isDown = true;
      life += 1;
      const begun = life;
      const former = acceptance.accepted;
      for (const [node, link] of links.entries()) {
        if (link.isUp) options.unlinked(node);
        link.isUp = false;
        link.stuck = [];
        link.stuckAt = undefined;
      }
      queue.add(
        queue.now() + downMs,
        () => {
          isDown = false;
          acceptance = makeAcceptance(former);
          for (const link of links) link.retryAt = queue.now() + random.between(0, reconnectMaxMs);
          if (former === null) return;
          queue.add(
            queue.now() + formerMs,
            () => {
              if (life !== begun) return;
              const node = indexes.get(former.leader);
              if (node === undefined || !links[node]?.isUp) settle(acceptance.gone(former.leader));
            },
            null,
            0,
          );
        },
        null,
        0,
      );
    },
    isLinked: (node) => links[node]?.isUp === true,
    isHeard(node) {
      const link = links[node] as Link;
      return link.isUp && !link.isOrphan && canReach(node);
    },
    accepted: () => acceptance.accepted,
    members,
  };
}
