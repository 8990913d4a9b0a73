// The members of a leader (LEAD-24 to LEAD-28): who is connected, who is behind it, whose words go up and who gets what comes down. It signs nothing and
// believes nobody: each member's words are its own, and the CCM judges them.

import type { WebSocket } from 'ws';
import type { LeaderAgentMessage, SignedFrame } from '../../model/leader-messages.ts';
import { TreecastError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import type { LeaderToMember, MemberToLeader } from '../../net/relay/member-messages.ts';
import type { AgentLog } from '../session/agent-log.ts';
import { createFrameCarrier, type FrameCarrier } from './frame-carrier.ts';
import { createMemberLink, type MemberLink } from './member-link.ts';
import type { NodePeer } from './segment-port.ts';

export interface MemberHub {
  admit(socket: WebSocket, peer: NodePeer): void;
  /** Members begin anew under another session; null: there is none. */
  useSession(segment: string, session: string | null): void;
  answer(node: string, answer: 'behind' | 'call' | 'refused', error: WireError | null): void;
  /** To those of them whose words go over this node. */
  tell(nodes: readonly string[], message: LeaderToMember): void;
  isOpen(node: string): boolean;
  /** It answers no requests: the CCM is told, and its connection ends. */
  giveUp(node: string): void;
  /** What waits to go up goes first. */
  sayUp(message: LeaderAgentMessage): void;
  members(): readonly { readonly node: string; readonly state: 'connected' | 'opening' | 'behind' }[];
  tick(): void;
  close(): void;
}

export interface MemberHubOptions {
  /** Until the first session. */
  readonly segment: () => string;
  /** Over the node's own link. */
  readonly send: (message: LeaderAgentMessage) => void;
  /** Of a round, after a report has been put to what goes up. */
  readonly onRound: (round: string, node: string, what: 'report' | 'working') => void;
  /** What a member answered to the notice of a multicast session. */
  readonly onJoin: (node: string, join: Extract<MemberToLeader, { readonly type: 'multicastJoin' }>) => void;
  /** A member's words go over this node no longer. */
  readonly onGone: (node: string) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** A member whose words go over this node. */
interface Row {
  readonly link: MemberLink;
  state: 'opening' | 'behind';
  /** Of its last frame. */
  counter: number;
}

/** One that is ending, and its successor. */
const linksOfNodeMax = 4;
/** Answers no requests: as an agent that says no hello. */
const missingCode = closeCodes.helloTimeout;

export function createMemberHub(options: MemberHubOptions): MemberHub {
  const { clock, log } = options;
  const links = new Set<MemberLink>();
  const rows = new Map<string, Row>();
  let segment: string | undefined;
  let session: string | null = null;
  const carrier: FrameCarrier = createFrameCarrier({ send: options.send, clock });

  function sayUp(message: LeaderAgentMessage): void {
    carrier.flush();
    options.send(message);
  }

  function sessionMessage(): LeaderToMember {
    return { type: 'session', segment: segment ?? options.segment(), session };
  }

  /** Throws what ends the connection; false: a word of a session that has ended meanwhile. */
  function isOfSession(link: MemberLink, frame: SignedFrame): boolean {
    if (frame.node !== link.node) {
      throw new TreecastError(
        'MESSAGE_INVALID',
        `Member ${link.node} speaks in the name of ${frame.node.slice(0, 64)}.`,
      );
    }
    return frame.session === session;
  }

  function open(link: MemberLink, frame: SignedFrame): void {
    if (!isOfSession(link, frame)) {
      link.send(sessionMessage());
      return;
    }
    const before = rows.get(link.node);
    if (before?.link === link && frame.counter <= before.counter) throw repeated(link.node);
    // What it was in the middle of, another process of its may not be.
    if (before !== undefined && before.link !== link) leave(link.node);
    rows.set(link.node, { link, state: 'opening', counter: frame.counter });
    sayUp({ type: 'relayOpen', certificate: link.certificate, frame });
    // The CCM takes the newest opening: the older connection ends without a word about it.
    if (before !== undefined && before.link !== link) before.link.close(closeCodes.replaced, 'CONFLICT');
  }

  function carry(link: MemberLink, frame: SignedFrame, isAgain: 'ignored' | 'refused'): void {
    const row = rows.get(link.node);
    // Its words do not count now: the CCM said call or refused, and its next opening says it all.
    if (!isOfSession(link, frame) || row?.link !== link) return;
    if (frame.counter <= row.counter) {
      if (isAgain === 'ignored') return;
      throw repeated(link.node);
    }
    row.counter = frame.counter;
    carrier.carry(frame);
  }

  function hear(link: MemberLink, message: MemberToLeader): void {
    switch (message.type) {
      case 'open':
        open(link, message.frame);
        return;
      case 'say':
        carry(link, message.frame, 'refused');
        return;
      case 'report':
        // Asked while its report was on its way, a member may say the same again.
        carry(link, message.frame, 'ignored');
        break;
      case 'working':
        break;
      case 'multicastJoin':
        if (rows.get(link.node)?.link === link) options.onJoin(link.node, message);
        return;
    }
    if (rows.get(link.node)?.link === link) options.onRound(message.round, link.node, message.type);
  }

  function leave(node: string): void {
    if (rows.delete(node)) options.onGone(node);
  }

  function gone(link: MemberLink): void {
    links.delete(link);
    if (rows.get(link.node)?.link !== link) return;
    leave(link.node);
    log.info({ member: link.node }, 'a member’s connection has ended');
    if (session !== null) sayUp({ type: 'relayClosed', node: link.node, because: 'link' });
  }

  return {
    admit(socket, peer) {
      const link: MemberLink = createMemberLink({
        socket,
        peer,
        clock,
        onMessage: (message) => hear(link, message),
        onClosed: () => gone(link),
        onRefused: (error) => log.warn({ member: peer.node, code: error.code }, error.message),
      });
      const others = [...links].filter(({ node }) => node === peer.node);
      links.add(link);
      if (others.length >= linksOfNodeMax) others[0]?.close(closeCodes.replaced, 'CONFLICT');
      link.send(sessionMessage());
    },
    useSession(next, nextSession) {
      if (segment === next && session === nextSession) return;
      segment = next;
      session = nextSession;
      rows.clear();
      carrier.clear();
      for (const link of links) link.send(sessionMessage());
    },
    answer(node, answer, error) {
      const row = rows.get(node);
      if (row === undefined) return;
      if (answer === 'behind') {
        row.state = 'behind';
        log.info({ member: node }, 'a member is behind this node');
      } else leave(node);
      row.link.send({ type: 'answer', answer, error });
    },
    tell(nodes, message) {
      const frame = Buffer.from(JSON.stringify(message));
      for (const node of nodes) rows.get(node)?.link.sendFrame(frame);
    },
    isOpen: (node) => rows.has(node),
    giveUp(node) {
      const row = rows.get(node);
      if (row === undefined) return;
      leave(node);
      sayUp({ type: 'relayClosed', node, because: 'missing' });
      row.link.close(missingCode, 'NODE_LOST');
    },
    sayUp,
    members: () =>
      [...links]
        .map((link) => {
          const row = rows.get(link.node);
          return { node: link.node, state: row?.link === link ? row.state : ('connected' as const) };
        })
        .sort((a, b) => (a.node < b.node ? -1 : 1)),
    tick() {
      for (const link of links) link.tick();
    },
    close() {
      carrier.clear();
      rows.clear();
      for (const link of links) link.close(closeCodes.goingAway, '');
    },
  };
}

function repeated(node: string): TreecastError {
  return new TreecastError('MESSAGE_INVALID', `Member ${node} said the same twice, or out of its order.`);
}
