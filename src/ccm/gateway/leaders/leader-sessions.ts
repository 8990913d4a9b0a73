// Accepted leaders and the nodes behind them: the session that each leader speaks in for others, what it carries, and when all that ends
// (LEAD-1 to LEAD-6). Whom the CCM accepts is decided by the segments.

import { randomBytes, type X509Certificate } from 'node:crypto';
import { type LeaderAgentMessage, leaderProfile, type SignedFrame } from '../../../model/leader-messages.ts';
import type { CcmMessage, Hello } from '../../../model/messages.ts';
import { segmentMembersMax } from '../../../model/segment.ts';
import { TreecastError, toWireError } from '../../../model/treecast-error.ts';
import type { Clock } from '../../../net/clock.ts';
import { createMessageBudget } from '../../../net/link/message-budget.ts';
import { refusalOf } from '../admission.ts';
import { type AgentConnection, type AgentReport, certificateCodes } from '../agent-connection.ts';
import type { ConnectionFacts } from '../agent-gateway.ts';
import type { NodeConnection } from '../connection-table.ts';
import type { NodeAuthority } from '../node-authority.ts';
import {
  costOf,
  createMemberConnection,
  type Heard,
  type MemberConnection,
  type RelayAnswer,
} from './member-connection.ts';
import { type ReadOpening, readOpening } from './read-opening.ts';

type Opened = Extract<LeaderAgentMessage, { type: 'relayOpen' }>;

/** Of an accepted leader whose link it is. */
export interface LeaderSession {
  readonly id: string;
  readonly segment: string;
  /** As its hello says. */
  readonly profiles: readonly string[];
  /** Milliseconds to it and back. */
  readonly delayMs: number | null;
}

export interface LeaderSessions {
  /** Null: the node speaks for nobody. */
  of(node: string): LeaderSession | null;
  /** Whom the CCM accepts as the leader of that segment now; the same again changes nothing. True: a session began. */
  appoint(segment: string, leader: string | null): boolean;
  /** Throws MESSAGE_INVALID, which closes the link. */
  message(link: AgentConnection, message: LeaderAgentMessage): void;
  /** The connection is its node's no longer. */
  ended(connection: NodeConnection): void;
}

export interface LeaderSessionsOptions {
  /** The node's connection now. */
  readonly of: (node: string) => NodeConnection | undefined;
  readonly authorities: () => readonly X509Certificate[];
  readonly authority: Pick<NodeAuthority, 'standing'>;
  /** Of a registered node; null: none. */
  readonly segmentOf: (node: string) => string | null;
  readonly nextId: () => string;
  readonly clock: Clock;
  /** In order with everything else that goes out. */
  readonly send: (link: AgentConnection, message: CcmMessage) => void;
  /** It is the node's connection from now on. Throws what it is refused for. */
  readonly onOpened: (member: MemberConnection, hello: Hello, facts: ConnectionFacts) => void;
  readonly onReport: (connection: NodeConnection, report: AgentReport) => void;
  readonly onClosed: (member: MemberConnection) => void;
  readonly onRefused: (link: AgentConnection, node: string, wasOpen: boolean, error: TreecastError) => void;
  /** A session began, and its leader was told; null: it ended. */
  readonly onLed: (segment: string, leader: string | null) => void;
}

interface Session {
  readonly id: string;
  readonly segment: string;
  readonly link: AgentConnection;
  readonly members: Map<string, MemberConnection>;
  /** Of every registered node that opened here. */
  readonly heard: Map<string, Heard>;
}

/** What an opening that is refused costs the leader: it had to be looked at. */
const refusedOpeningBytes = 16_384;

export function createLeaderSessions(options: LeaderSessionsOptions): LeaderSessions {
  const { clock, send } = options;
  const bySegment = new Map<string, Session>();
  const byLink = new Map<AgentConnection, Session>();
  /** Links that had a session: what they carry in it may still be on its way when it ends. */
  const former = new WeakSet<AgentConnection>();

  function begin(segment: string, link: AgentConnection): void {
    const session: Session = {
      id: randomBytes(16).toString('hex'),
      segment,
      link,
      members: new Map(),
      heard: new Map(),
    };
    bySegment.set(segment, session);
    byLink.set(link, session);
    former.add(link);
    send(link, { type: 'leaderSession', segment, session: session.id });
    options.onLed(segment, link.node);
  }

  function end(session: Session): void {
    const { segment, link, members } = session;
    bySegment.delete(segment);
    byLink.delete(link);
    send(link, { type: 'leaderSession', segment, session: null });
    for (const member of members.values()) member.orphaned();
    options.onLed(segment, null);
  }

  function answer(link: AgentConnection, node: string, how: RelayAnswer, error?: TreecastError): void {
    send(link, {
      type: 'relayAnswer',
      node,
      answer: how,
      error: error === undefined ? null : toWireError(error),
    });
  }

  /** What it costs to say is the member's to pay from here on. */
  function heardOf(session: Session, frame: SignedFrame): Heard {
    const { node } = frame;
    const heard = session.heard.get(node) ?? { counter: -1, budget: createMessageBudget(clock.now) };
    session.heard.set(node, heard);
    heard.counter = frame.counter;
    if (!heard.budget.spend(costOf(frame)))
      throw new TreecastError('RATE_LIMITED', 'The agent sends more than can be honest.', {
        fix: 'Look at the agent on this node; upgrade it.',
      });
    return heard;
  }

  async function admitted(session: Session, message: Opened): Promise<ReadOpening> {
    const { node } = message.frame;
    const above = session.heard.get(node)?.counter ?? -1;
    const opening = readOpening(message, { session: session.id, above, authorities: options.authorities() });
    // The node's signature comes first: a leader cannot have a certificate of another's used.
    const standing = await options.authority.standing(node, opening.peer.certificate);
    if (standing !== 'good') throw refusalOf(node, standing);
    if (options.segmentOf(node) !== session.segment || node === session.link.node)
      throw new TreecastError(
        'CONFLICT',
        `Node ${node} does not belong behind leader ${session.link.node}.`,
        {
          fix: 'Nothing: the node uses a link of its own until it follows the leader of its segment.',
        },
      );
    if (session.members.size >= segmentMembersMax && !session.members.has(node))
      throw new TreecastError(
        'CONFLICT',
        `Leader ${session.link.node} speaks for ${segmentMembersMax} nodes already.`,
        {
          fix: 'Make two segments of this one: treecast segment assign.',
        },
      );
    return opening;
  }

  async function open(session: Session, message: Opened): Promise<void> {
    const { link } = session;
    const { node } = message.frame;
    let member: MemberConnection | undefined;
    try {
      const { peer, hello, protocol, told } = await admitted(session, message);
      if (byLink.get(link) !== session) return;
      const heard = heardOf(session, message.frame);
      link.credit(message.certificate.length + costOf(message.frame));
      const created = createMemberConnection({
        id: options.nextId(),
        node,
        behind: { leader: link.node, segment: session.segment, since: clock.now() },
        session: session.id,
        link,
        publicKey: peer.publicKey,
        hello,
        told,
        heard,
        clock,
        answer: (how, error) => answer(link, node, how, error),
        carry: (carried) => send(link, { type: 'relay', nodes: [node], message: carried }),
        onReport: (report) => options.onReport(created, report),
        onRefused: (error) => options.onRefused(link, node, true, error),
        onClosed() {
          if (session.members.get(node) === created) session.members.delete(node);
          options.onClosed(created);
        },
      });
      member = created;
      session.members.get(node)?.terminate();
      session.members.set(node, created);
      options.onOpened(created, hello, {
        id: created.id,
        protocol,
        publicKey: peer.publicKey,
        leader: link.node,
      });
    } catch (cause) {
      const error =
        cause instanceof TreecastError
          ? cause
          : new TreecastError('BUG', `Node ${node} could not be taken behind its leader.`, { cause });
      if (member !== undefined) member.refuse(error);
      else turnAway(link, node, error);
    }
  }

  /** What a node must believe about its own standing it hears over a link of its own. */
  function turnAway(link: AgentConnection, node: string, error: TreecastError): void {
    link.charge(refusedOpeningBytes);
    options.onRefused(link, node, false, error);
    if (certificateCodes.has(error.code)) answer(link, node, 'call');
    else answer(link, node, 'refused', error);
  }

  function carried(session: Session, frames: readonly SignedFrame[]): void {
    for (const frame of frames) {
      const isTaken = session.members.get(frame.node)?.said(frame) === true;
      if (isTaken) session.link.credit(costOf(frame));
    }
  }

  return {
    of(node) {
      const link = options.of(node);
      const session = link?.behind === null ? byLink.get(link) : undefined;
      if (link?.behind !== null || session === undefined) return null;
      return { id: session.id, segment: session.segment, profiles: link.profiles, delayMs: link.delayMs };
    },

    appoint(segment, leader) {
      const connection = leader === null ? undefined : options.of(leader);
      const isAble = connection?.behind === null && connection.profiles.includes(leaderProfile);
      const link = isAble ? connection : undefined;
      const before = bySegment.get(segment);
      if (before !== undefined && before.link === link) return false;
      if (before !== undefined) end(before);
      if (link === undefined) return false;
      const elsewhere = byLink.get(link);
      if (elsewhere !== undefined) end(elsewhere);
      begin(segment, link);
      return true;
    },

    message(link, message) {
      const session = byLink.get(link);
      if (session === undefined) {
        if (former.has(link)) return;
        throw new TreecastError('MESSAGE_INVALID', 'The agent speaks for others and was not asked to.', {
          fix: 'Look at the agent on this node; upgrade it.',
        });
      }
      switch (message.type) {
        case 'relayOpen':
          void open(session, message);
          return;
        case 'relayed':
          carried(session, message.frames);
          return;
        case 'relayClosed':
          session.members.get(message.node)?.left();
          return;
        default:
          options.onReport(link, message);
      }
    },

    ended(connection) {
      const session = connection.behind === null ? byLink.get(connection) : undefined;
      if (session !== undefined) end(session);
    },
  };
}
