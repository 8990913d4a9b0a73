// What this leader tells the CCM, and its log, of its multicast sessions (LEAD-83): how each stands, at most once a second, and how it ended.

import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import {
  incompleteMax,
  type MulticastReceiver,
  type MulticastSession,
  type MulticastState,
  multicastStates,
  sessionsTold,
} from '../../model/multicast-session.ts';
import type { Clock } from '../../net/clock.ts';
import type { Sending, SendingEvent, SendingState } from '../../net/mctp/mctp-session.ts';
import type { AgentLog } from '../session/agent-log.ts';

export interface MulticastSessions {
  /** Before the session is opened, since it may speak at once. */
  begin(facts: SessionFacts): SessionWatch;
  /** Those that run. */
  running(): readonly MulticastSession[];
  /** There is somebody again who hears it. */
  heard(): void;
  /** Tells no more. */
  close(): void;
}

export interface SessionFacts {
  readonly site: string;
  readonly repair: MulticastSession['repair'];
  /** The limit that holds now; null: none. */
  readonly bytesPerSecondMax: () => number | null;
}

export interface SessionWatch {
  opened(sending: Pick<Sending, 'state'>): void;
  /** Each of the session's events. */
  heard(event: SendingEvent): void;
}

export interface MulticastSessionsOptions {
  /** Over the node's own link; false: there is none. */
  readonly send: (message: Extract<LeaderAgentMessage, { type: 'leaderSessions' }>) => boolean;
  readonly clock: Clock;
  readonly log: AgentLog;
}

interface Watched {
  readonly facts: SessionFacts;
  readonly startedAt: number;
  readonly why: Map<string, string>;
  state: (() => SendingState) | undefined;
  problem: string | null;
  /** As it was when it ended. */
  ended: MulticastSession | undefined;
}

const tellEveryMs = 1_000;
/** Ended ones that wait for a link. */
const waitingMax = 20;
const sentenceCharactersMax = 1_024;

export function createMulticastSessions({ send, clock, log }: MulticastSessionsOptions): MulticastSessions {
  const watched = new Set<Watched>();
  let told = '';
  let cancel: (() => void) | undefined;
  let isClosed = false;

  function tellSoon(afterMs: number): void {
    if (isClosed || cancel !== undefined) return;
    cancel = clock.after(afterMs, () => {
      cancel = undefined;
      const isTold = tell();
      // What has ended waits for a link without a timer.
      if (isTold ? watched.size > 0 : running().length > 0) tellSoon(tellEveryMs);
    });
  }

  function running(): MulticastSession[] {
    return [...watched].flatMap((session) =>
      session.ended === undefined ? (sessionOf(session, clock.now(), true) ?? []) : [],
    );
  }

  /** False: nobody hears it. */
  function tell(): boolean {
    const all = [...watched];
    const sessions = all.flatMap((session) => session.ended ?? sessionOf(session, clock.now(), true) ?? []);
    // An end goes before what only goes on.
    const said = sessions.sort((a, b) => Number(a.isRunning) - Number(b.isRunning)).slice(0, sessionsTold);
    const text = JSON.stringify(said.map(({ tookMs: _, ...rest }) => rest));
    if (said.length === 0 || text === told) return true;
    if (!send({ type: 'leaderSessions', sessions: said })) {
      for (const session of all.filter(({ ended }) => ended !== undefined).slice(0, -waitingMax))
        watched.delete(session);
      told = '';
      return false;
    }
    told = text;
    for (const session of all)
      if (session.ended !== undefined && said.includes(session.ended)) watched.delete(session);
    return true;
  }

  function end(session: Watched, error: string | null): void {
    if (error !== null) session.problem = sentence(error);
    const last = sessionOf(session, clock.now(), false);
    if (last === undefined) {
      watched.delete(session);
      return;
    }
    session.ended = last;
    const { incomplete, ...facts } = last;
    const isFine = last.problem === null && incomplete.length === 0;
    if (isFine) log.info(facts, 'a multicast session has ended');
    else
      log.warn({ ...facts, incomplete }, 'a multicast session has ended, and not all have it by multicast');
    tellSoon(0);
  }

  return {
    begin(facts) {
      const session: Watched = {
        facts,
        startedAt: clock.now(),
        why: new Map(),
        state: undefined,
        problem: null,
        ended: undefined,
      };
      /** What was said before it was open. */
      let early: SendingEvent | undefined;

      function heard(event: SendingEvent): void {
        if (event.type === 'failed') session.why.set(event.node, sentence(event.reason));
        else if (event.type === 'unicast' && event.blocks === null)
          session.why.set(event.node, sentence(event.sentence));
        else if (event.type === 'problem' || (event.type === 'network' && !event.isUp)) {
          session.problem = sentence(event.sentence);
          log.warn({ site: facts.site }, event.sentence);
        } else if (event.type === 'ended') {
          if (session.state === undefined) early = event;
          else end(session, event.error);
        }
      }

      return {
        heard,
        opened({ state }) {
          session.state = state;
          watched.add(session);
          const { assignment, group, receivers, blocks } = state();
          log.info(
            { site: facts.site, assignment, group, blocks, receivers: receivers.length },
            'a multicast session has begun',
          );
          tellSoon(0);
          if (early?.type === 'ended') end(session, early.error);
        },
      };
    },
    running,
    heard() {
      told = '';
      if (watched.size > 0) tellSoon(0);
    },
    close() {
      isClosed = true;
      cancel?.();
    },
  };
}

function sessionOf(session: Watched, now: number, isRunning: boolean): MulticastSession | undefined {
  const state = session.state?.();
  if (state === undefined) return undefined;
  const { facts, why } = session;
  const tookMs = Math.max(0, Math.round(now - session.startedAt));
  const counts = Object.fromEntries(multicastStates.map((name) => [name, 0])) as Record<
    MulticastState,
    number
  >;
  for (const receiver of state.receivers) counts[receiver.state] += 1;
  const incomplete = state.receivers
    .flatMap((receiver): MulticastReceiver[] => {
      const { node, state: stands, loss } = receiver;
      return stands === 'complete'
        ? []
        : [{ node, state: stands, loss: share(loss), why: why.get(node) ?? null }];
    })
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return {
    id: state.session.toString(16).padStart(8, '0'),
    site: facts.site,
    assignment: state.assignment,
    group: state.group,
    port: state.port,
    repair: facts.repair,
    isRunning,
    tookMs,
    blocks: state.blocks,
    blocksSent: Math.min(state.blocks, state.sent),
    sentBytes: state.sentBytes,
    bytesPerSecond: Math.round(
      isRunning ? state.achievedBytesPerSecond : (state.sentBytes * 1_000) / Math.max(1, tookMs),
    ),
    bytesPerSecondMax: facts.bytesPerSecondMax(),
    loss: share(state.loss),
    repairShare: state.frames === 0 ? 0 : share(state.repairFrames / state.frames),
    receivers: counts,
    incomplete: incomplete.slice(0, incompleteMax),
    problem: session.problem,
  };
}

const order: readonly MulticastState[] = ['failed', 'unicast', 'absent', 'invited', 'receiving'];

/** To a thousandth: more would be told again each second for nothing. */
function share(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1_000) / 1_000;
}

function sentence(text: string): string {
  return text.slice(0, sentenceCharactersMax);
}
