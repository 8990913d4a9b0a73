// The agent's link to its CCM, whichever way it goes: over a connection of its own, or behind its segment's leader (LEAD-50 to LEAD-57). Runs the
// machine that chooses; to the rest of the agent it is one link, on which a message may be sent or not.

import type { CcmMessage } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { fromWireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import {
  type AgentReport,
  createLinkClient,
  type LinkClient,
  type LinkClientOptions,
  type ReceivedMessage,
} from '../../net/link/link-client.ts';
import type { LeaderToMember, MemberToLeader } from '../../net/relay/member-messages.ts';
import { memberMessageBytesMax } from '../../net/relay/member-schemas.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import type { MulticastSource } from '../multicast/multicast-source.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { SignWord } from './frame-signer.ts';
import { createMemberConnection, type MemberConnection } from './member-connection.ts';
import { createRounds, type RoundWord } from './rounds.ts';
import { createToldRecord } from './told-record.ts';
import {
  createWayChooser,
  type LeaderPlace,
  type WayEffect,
  type WayInput,
  type WayTiming,
} from './way-chooser.ts';

export interface AgentLink extends LinkClient {
  /** Whom this node follows, if the CCM accepts it; and whether it leads itself. */
  follow(leader: LeaderPlace | null, leads: boolean): void;
  /** A decision that came from that node by multicast. */
  overheard(from: string, decision: SignedDecision): void;
  /** Whom this node is behind; null: it has, or makes, a link of its own. */
  leader(): LeaderPlace | null;
  /** As `leader`; waits while the node is between two leaders. */
  settledLeader(signal: AbortSignal): Promise<LeaderPlace | null>;
}

export interface AgentLinkOptions extends Omit<LinkClientOptions, 'onMessage' | 'clock'> {
  readonly node: string;
  readonly sign: SignWord;
  /** From the CCM, over either way; `isOwn`: over a link of its own. */
  readonly onMessage: (message: ReceivedMessage, isOwn: boolean) => void;
  /** The own link has ended, or cannot be made. */
  readonly onLinkEnd: () => void;
  /** Everything that is said goes through the leader from now on. */
  readonly onBehind: () => void;
  /** The leader is gone, or carries nothing any more. */
  readonly onLeft: () => void;
  /** The leader cannot give this assignment. */
  readonly onWithheld: (assignment: string) => void;
  /** What the leader says of its multicast sessions. Absent: this node takes no part in any. */
  readonly multicast?: Pick<MulticastSource, 'expect' | 'offered' | 'fetch' | 'left'>;
  readonly log: AgentLog;
  /** One that nobody sets. */
  readonly clock: Clock;
  readonly timing?: WayTiming;
}

/** Decisions that came by multicast, and will come by the connection. */
const overheardMax = 1_000;

export function createAgentLink(options: AgentLinkOptions): AgentLink {
  const { clock, log, node, random } = options;
  const record = createToldRecord();
  const chooser = createWayChooser({ random, ...(options.timing && { timing: options.timing }) });
  const rounds = createRounds({ node, send: sendWord, clock, random });
  const closing: Promise<void>[] = [];
  let own: LinkClient | undefined;
  let member: { readonly leader: LeaderPlace; readonly connection: MemberConnection } | undefined;
  let session: string | null = null;
  let isAsked = false;
  let cancelTimer: (() => void) | undefined;
  let isClosed = false;
  let isStepping = false;
  const waiting: WayInput[] = [];
  const settled = new Set<() => void>();
  const overheard = new Map<string, string>();
  /** What no leader carries waits for the own link. */
  const large: AgentReport[] = [];

  function input(next: WayInput): void {
    waiting.push(next);
    if (!isStepping) step();
  }

  /** What effects bring in comes behind them. */
  function step(): void {
    isStepping = true;
    do {
      const next = waiting.shift();
      if (isClosed) break;
      if (next !== undefined) chooser.handle(clock.now(), next);
      for (let effect = chooser.pollEffect(); effect !== undefined; effect = chooser.pollEffect())
        act(effect);
    } while (waiting.length > 0);
    isStepping = false;
    cancelTimer?.();
    cancelTimer = undefined;
    const at = chooser.nextTimeout();
    if (isClosed || at === undefined) return;
    cancelTimer = clock.after(Math.max(0, at - clock.now()), () => {
      chooser.onTimeout(clock.now());
      step();
    });
  }

  function act(effect: WayEffect): void {
    switch (effect.effect) {
      case 'link':
        own = makeLink();
        tellSettled();
        return;
      case 'unlink':
        if (own !== undefined) closing.push(own.close());
        own = undefined;
        return;
      case 'connect':
        connect(effect.leader);
        return;
      case 'disconnect':
        member?.connection.close();
        member = undefined;
        session = null;
        isAsked = false;
        options.multicast?.left();
        return;
      case 'open':
        if (session === null) return;
        isAsked = true;
        if (
          say({ type: 'open', frame: options.sign(session, { hello: options.hello(), told: record.told() }) })
        )
          return;
        log.warn({}, 'this node’s hello is larger than what a leader carries');
        input({ input: 'answer', answer: 'refused' });
        return;
      case 'behind':
        if (member === undefined) return;
        isAsked = false;
        log.info({ leader: member.leader.node }, 'behind the segment’s leader');
        options.onBehind();
        tellSettled();
        return;
      case 'left':
        rounds.clear();
        overheard.clear();
        log.info({ leader: member?.leader.node }, 'not behind that leader any more');
        options.onLeft();
    }
  }

  function makeLink(): LinkClient {
    return createLinkClient({
      ...options,
      onMessage(message) {
        options.onMessage(message, true);
        record.note(message);
        if (message.type !== 'welcome') return;
        for (const report of large.splice(0)) own?.send(report);
        input({ input: 'welcomed' });
      },
      onDown(error, retryMs) {
        options.onLinkEnd();
        input({ input: 'linkDown' });
        // LINK-8: what replaced it is this node's own word through the leader.
        if (isAsked && error.code === 'CONFLICT') return;
        options.onDown(error, retryMs);
      },
    });
  }

  function connect(leader: LeaderPlace): void {
    const connection = createMemberConnection({
      leader,
      credentials: options.credentials(),
      onMessage: (message) => heard(leader, message),
      onDown(error) {
        if (member?.connection !== connection) return;
        log.info({ leader: leader.node, code: error.code }, error.message);
        input({ input: 'leaderDown' });
      },
      clock,
    });
    member = { leader, connection };
  }

  function heard(leader: LeaderPlace, message: LeaderToMember): void {
    switch (message.type) {
      case 'session':
        ({ session } = message);
        input({ input: 'session', session });
        return;
      case 'answer':
        if (message.answer === 'refused' && message.error !== null) {
          const { code, message: why } = fromWireError(message.error);
          log.warn({ leader: leader.node, code }, `not taken behind the leader: ${why}`);
        }
        input({ input: 'answer', answer: message.answer });
        return;
      case 'work':
        if (!chooser.isBehind) return;
        if (message.round !== null) rounds.announced(message.round);
        if (message.multicast && message.message.type === 'assignment')
          options.multicast?.expect(message.message.id);
        if (!isOverheard(message.message)) options.onMessage(message.message, false);
        return;
      case 'multicast':
        offered(message);
        return;
      case 'multicastFetch':
        options.multicast?.fetch(message.session, message.blocks);
        return;
      case 'fetchFromCcm':
        // Nor does it come by multicast.
        offered({ type: 'multicast', assignment: message.assignment, notice: null });
        options.onWithheld(message.assignment);
        return;
      case 'report-request':
        if (chooser.isBehind) rounds.asked(message);
    }
  }

  function offered({ assignment, notice }: Extract<LeaderToMember, { readonly type: 'multicast' }>): void {
    const connection = member?.connection;
    const key = connection?.leaderKey();
    if (connection === undefined || key === undefined) return;
    const answer = (lacks: readonly BlockRange[] | null): void => {
      if (notice === null) return;
      const join: MemberToLeader = {
        type: 'multicastJoin',
        session: notice.announcement.session,
        lacks,
      };
      connection.send(JSON.stringify(join));
    };
    if (options.multicast === undefined) answer(null);
    else options.multicast.offered(assignment, notice, key, answer);
  }

  /** Once: a decision that comes a third time was asked for again. */
  function isOverheard(message: CcmMessage): boolean {
    if (message.type !== 'decision') return false;
    const { site, signature } = message.decision;
    if (overheard.get(site) !== signature) return false;
    overheard.delete(site);
    return true;
  }

  function sendWord(word: RoundWord): void {
    if (session === null) return;
    if (word.type === 'working') {
      say(word);
      return;
    }
    const { report, ...rest } = word;
    if (say({ ...rest, frame: options.sign(session, report) })) return;
    large.push(report);
    input({ input: 'call' });
  }

  /** False: no leader carries so much. */
  function say(message: MemberToLeader): boolean {
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) > memberMessageBytesMax) return false;
    member?.connection.send(text);
    return true;
  }

  function tellSettled(): void {
    for (const tell of settled) tell();
  }

  const behindWhom = (): LeaderPlace | null => (chooser.isBehind ? (member?.leader ?? null) : null);

  step();
  return {
    follow(leader, leads) {
      input({ input: 'leader', leader, leads });
    },
    overheard(from, decision) {
      const { site, signature } = decision;
      if (behindWhom()?.node !== from || overheard.get(site) === signature) return;
      if (overheard.size >= overheardMax) overheard.clear();
      overheard.set(site, signature);
      options.onMessage({ type: 'decision', decision }, false);
    },
    leader: behindWhom,
    settledLeader(signal) {
      return new Promise((resolve) => {
        const tell = (): void => {
          const leader = behindWhom();
          if (leader === null && own === undefined && !isClosed && !signal.aborted) return;
          settled.delete(tell);
          signal.removeEventListener('abort', tell);
          resolve(leader);
        };
        settled.add(tell);
        signal.addEventListener('abort', tell);
        tell();
      });
    },
    send(message: AgentReport) {
      if (!chooser.isBehind) return own?.send(message) ?? false;
      rounds.say(message);
      return true;
    },
    reconnect() {
      if (own === undefined) input({ input: 'call' });
      else own.reconnect();
    },
    async close() {
      isClosed = true;
      cancelTimer?.();
      rounds.clear();
      member?.connection.close();
      tellSettled();
      if (own !== undefined) closing.push(own.close());
      await Promise.all(closing);
    },
  };
}
