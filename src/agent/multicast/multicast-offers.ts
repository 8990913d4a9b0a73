// A leader's multicast sessions (LEAD-100 to LEAD-102): which assignments go out that way, who is told of it, and what becomes of those that it does not
// reach. What is sent when is MCTP's matter; whoever is not served by it takes the assignment from this node by ranges.

import { blockCount, sealedRegionBytes } from '../../assignment/block-layout.ts';
import { blockBytes } from '../../model/assignment.ts';
import type { Mctp } from '../../net/mctp/mctp.ts';
import type { Sending, SendingEvent } from '../../net/mctp/mctp-session.ts';
import type { LeaderToMember } from '../../net/relay/member-messages.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import { manifestBlocksMax } from '../../protocol/mctp/mctp-session.ts';
import type { HeldContent } from '../leader/held-content.ts';
import type { MulticastRates } from '../leader/multicast-rates.ts';
import type { MulticastSessions } from '../leader/multicast-sessions.ts';
import type { AgentLog } from '../session/agent-log.ts';

export interface MulticastOffers {
  /**
   * Whether this assignment is to go out by multicast; each of them then waits for `multicast` to tell it how, or that it does not. One alone does for a
   * session that runs already, and that it was in.
   */
  wants(assignment: string, dataBytes: number, nodes: readonly string[]): boolean;
  /** Opens a session for what `wants` was true of; those of one that runs already are told of it again. */
  offer(content: HeldContent, nodes: readonly string[]): void;
  /** A node's answer to its notice; null: it takes the assignment another way. */
  answered(node: string, session: number, lacks: readonly BlockRange[] | null): void;
  /** The node's connection has ended: it will be told again when it is back. */
  left(node: string): void;
  /** No more of it will come: whoever waits for it goes another way. */
  withdraw(assignment: string): void;
  /** All of them, when this node leads no more. */
  clear(): void;
  close(): Promise<void>;
}

export interface MulticastOffersOptions {
  readonly mctp: Pick<Mctp, 'send'>;
  /** Whether what this node sends to the group arrives, as far as is known. */
  readonly isUsable: () => boolean;
  readonly tell: (nodes: readonly string[], message: LeaderToMember) => void;
  readonly rates: Pick<MulticastRates, 'begin'>;
  /** Who is told how they stand. */
  readonly sessions: Pick<MulticastSessions, 'begin'>;
  readonly log: AgentLog;
}

interface Session {
  readonly content: HeldContent;
  readonly controller: AbortController;
  /** Fixed once it is open. */
  readonly nodes: Set<string>;
  sending: Sending | undefined;
}

/** Parity made for one receiver helps the others as well. */
const repair = 'fec';
/** One copy for several is worth a session; for one a copy is as good. */
const receiversMin = 2;

export function createMulticastOffers(options: MulticastOffersOptions): MulticastOffers {
  const { mctp, tell, log } = options;
  const running = new Map<string, Session>();

  function notify(session: Session, node: string): void {
    const { sending } = session;
    if (sending === undefined) return;
    const { assignment } = session.content;
    tell([node], { type: 'multicast', assignment, notice: sending.notice(node) });
  }

  async function open(session: Session): Promise<void> {
    const { content, controller } = session;
    const { signal } = controller;
    const { header, bytes: manifest } = await content.manifest(signal);
    signal.throwIfAborted();
    const blocks = blockCount(header);
    let available = 0;
    const advance = (): number => {
      while (available < blocks && content.has(available)) available += 1;
      return available;
    };
    const rated = options.rates.begin(header.site, (bytesPerSecond) =>
      session.sending?.limit(bytesPerSecond),
    );
    const watch = options.sessions.begin({ site: header.site, repair, bytesPerSecondMax: rated.allowed });
    const receivers = [...session.nodes];
    const sending = await mctp
      .send({
        source: {
          assignment: content.assignment,
          manifest: manifest.length <= manifestBlocksMax * blockBytes ? manifest : null,
          sealedBytes: sealedRegionBytes(header.data),
          plainBytes: header.data.bytes - sealedRegionBytes(header.data),
          read: (index) => content.block(index, signal),
          available: advance(),
        },
        receivers,
        repair,
        ...limitOf(rated.allowed()),
        onEvent(event) {
          watch.heard(event);
          if (event.type === 'ended') rated.ended();
          hear(session, event);
        },
      })
      .catch((error: unknown) => {
        rated.ended();
        throw error;
      });
    session.sending = sending;
    // It may have become another meanwhile.
    sending.limit(rated.allowed());
    watch.opened(sending);
    const stop = content.onBlock(() => sending.available(advance()));
    const finish = (): void => {
      stop();
      void sending.stop();
    };
    if (signal.aborted) {
      finish();
      return;
    }
    signal.addEventListener('abort', finish, { once: true });
    sending.available(advance());
    for (const node of receivers) if (!session.nodes.has(node)) sending.absent(node);
    for (const node of session.nodes) notify(session, node);
  }

  function hear(session: Session, event: SendingEvent): void {
    const { sending } = session;
    if (event.type === 'unicast' && sending !== undefined) {
      log.info({ member: event.node, why: event.why }, event.sentence);
      tell([event.node], { type: 'multicastFetch', session: sending.session, blocks: event.blocks });
    } else if (event.type === 'ended') end(session);
  }

  function end(session: Session): void {
    const { assignment } = session.content;
    if (running.get(assignment) === session) running.delete(assignment);
    session.controller.abort();
  }

  function tellWithout(session: Session): void {
    const { assignment } = session.content;
    tell([...session.nodes], { type: 'multicast', assignment, notice: null });
  }

  return {
    wants(assignment, dataBytes, nodes) {
      const isBack = (node: string): boolean => running.get(assignment)?.nodes.has(node) ?? false;
      return dataBytes > 0 && options.isUsable() && (nodes.length >= receiversMin || nodes.some(isBack));
    },
    offer(content, nodes) {
      const { assignment } = content;
      const before = running.get(assignment);
      if (before !== undefined) {
        // A session's receivers are those that it began with.
        const strangers = nodes.filter((node) => !before.nodes.has(node));
        if (strangers.length > 0) tell(strangers, { type: 'multicast', assignment, notice: null });
        for (const node of nodes) if (before.nodes.has(node)) notify(before, node);
        return;
      }
      const session: Session = {
        content,
        controller: new AbortController(),
        nodes: new Set(nodes),
        sending: undefined,
      };
      running.set(assignment, session);
      open(session).catch((error: unknown) => {
        if (session.controller.signal.aborted) return;
        end(session);
        log.info({ assignment, err: error }, 'an assignment goes out by unicast');
        tellWithout(session);
      });
    },
    answered(node, id, lacks) {
      for (const { sending } of running.values()) {
        if (sending?.session !== id) continue;
        if (lacks === null) sending.absent(node);
        else sending.joined(node, lacks);
      }
    },
    left(node) {
      for (const { sending, nodes } of running.values()) {
        if (sending === undefined) nodes.delete(node);
        else if (nodes.has(node)) sending.absent(node);
      }
    },
    withdraw(assignment) {
      const session = running.get(assignment);
      if (session === undefined) return;
      if (session.sending === undefined) tellWithout(session);
      end(session);
    },

    clear() {
      for (const { controller } of running.values()) controller.abort();
      running.clear();
    },
    async close() {
      const ending = [...running.values()].flatMap(({ sending }) => sending?.stop() ?? []);
      this.clear();
      await Promise.all(ending);
    },
  };
}

function limitOf(bytesPerSecondMax: number | null): { bytesPerSecondMax?: number } {
  return bytesPerSecondMax === null ? {} : { bytesPerSecondMax };
}
