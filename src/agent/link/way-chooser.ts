// Which way a node speaks with its CCM: over a link of its own, or behind its segment's accepted leader (LEAD-50 to LEAD-56). A pure machine;
// connections, signatures and what is said over them are its driver's.

import type { Instant, Machine } from '../../protocol/machine.ts';

/** Where a segment's leader takes its members' connections. */
export interface LeaderPlace {
  readonly node: string;
  readonly address: string;
  readonly port: number;
}

export type WayInput =
  /** Whom this node follows, if the CCM accepts it; `leads`: this node itself leads. */
  | { readonly input: 'leader'; readonly leader: LeaderPlace | null; readonly leads: boolean }
  /** Over the own link: all that the CCM has to say comes with it. */
  | { readonly input: 'welcomed' }
  /** The own link was lost; it is being made again. */
  | { readonly input: 'linkDown' }
  /** The leader's word: under this session it carries what is said; null: not now. */
  | { readonly input: 'session'; readonly session: string | null }
  | { readonly input: 'answer'; readonly answer: 'behind' | 'call' | 'refused' }
  /** The connection with the leader ended, or could not be made. */
  | { readonly input: 'leaderDown' }
  /** What this node shows the CCM has changed: it calls, as when it is told to. */
  | { readonly input: 'call' };

export type WayEffect =
  /** Make the own link, or give it up. */
  | { readonly effect: 'link' }
  | { readonly effect: 'unlink' }
  | { readonly effect: 'connect'; readonly leader: LeaderPlace }
  | { readonly effect: 'disconnect' }
  /** Say hello to the CCM through the leader. */
  | { readonly effect: 'open' }
  /** What is said goes through the leader from now on; or not any more. */
  | { readonly effect: 'behind' }
  | { readonly effect: 'left' };

export interface WayTiming {
  /** So long a leader has been the same, and accepted, before a node goes behind it. */
  readonly settleMs: number;
  /** So long a node that lost its leader waits for one before it makes its own link. */
  readonly waitMs: number;
  /** Over so much time those that do so are spread. */
  readonly spreadMs: number;
  /** So long after the welcome of a call it goes behind again. */
  readonly returnMs: number;
  /** Who is called again before it was behind for so long stays away longer each time. */
  readonly steadyMs: number;
  /** No leader keeps a node from its CCM for longer; half of it at least it stays behind leaders. */
  readonly contactMs: number;
  /** For connection, session and answer together. */
  readonly attemptMs: number;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export const wayTiming: WayTiming = {
  settleMs: 2_000,
  waitMs: 6_000,
  spreadMs: 1_000,
  returnMs: 1_000,
  steadyMs: 10_000,
  contactMs: 3_600_000,
  attemptMs: 10_000,
  retryMinMs: 10_000,
  retryMaxMs: 60_000,
};

export interface WayChooserOptions {
  readonly timing?: WayTiming;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface WayChooser extends Machine<WayInput, WayEffect> {
  readonly isBehind: boolean;
}

const never = Number.POSITIVE_INFINITY;

/** Begins with a link of its own. */
export function createWayChooser({ timing = wayTiming, random }: WayChooserOptions): WayChooser {
  const effects: WayEffect[] = [{ effect: 'link' }];
  let own: 'off' | 'connecting' | 'up' = 'connecting';
  /** `idle`: connected with a leader that carries nothing now. */
  let member: 'off' | 'connecting' | 'idle' | 'asked' | 'behind' = 'off';
  /** Whom it is connected with, or would be. */
  let leader: LeaderPlace | null = null;
  let follows: LeaderPlace | null = null;
  let hasSession = false;
  let leads = false;
  let settledAt: Instant = never;
  /** No attempt before. */
  let tryAt: Instant = 0;
  let attemptEndsAt: Instant = never;
  /** Then the own link is made; never while there is one, or none is needed. */
  let linkAt: Instant = never;
  /** Then it speaks with the CCM itself; never while it has a link of its own. */
  let contactAt: Instant = never;
  let isContact = false;
  /** A welcome has to come first. */
  let mustCall = true;
  let failures = 0;
  let behindSince: Instant = never;
  /** Calls that followed soon upon going behind. */
  let quickCalls = 0;

  function emit(effect: WayEffect): void {
    effects.push(effect);
  }

  function leave(): void {
    if (member === 'off') return;
    const wasBehind = member === 'behind';
    member = 'off';
    hasSession = false;
    attemptEndsAt = never;
    if (wasBehind) emit({ effect: 'left' });
    emit({ effect: 'disconnect' });
  }

  function link(): void {
    linkAt = never;
    contactAt = never;
    if (own !== 'off') return;
    own = 'connecting';
    emit({ effect: 'link' });
  }

  /** Without a link and without a leader, for a while. */
  function waitForLeader(now: Instant): void {
    linkAt = Math.min(linkAt, now + timing.waitMs + random() * timing.spreadMs);
  }

  /** LEAD-54: what did not work is not tried again at once; a node between two leaders has less time. */
  function fail(now: Instant): void {
    leave();
    if (own === 'off') {
      waitForLeader(now);
      tryAt = now + timing.returnMs;
      return;
    }
    tryAt = now + Math.min(timing.retryMinMs * 2 ** failures, timing.retryMaxMs);
    failures = Math.min(failures + 1, 16);
  }

  function call(now: Instant): void {
    if (member === 'behind') quickCalls = now - behindSince < timing.steadyMs ? quickCalls + 1 : 0;
    leave();
    if (own === 'off') {
      mustCall = true;
      link();
    } else if (failures === 0) {
      // What it is to be told may be on its way.
      tryAt = now + timing.returnMs;
      failures = 1;
    } else fail(now);
  }

  /** LEAD-62: what a leader said of the CCM may not be true. One whose own link does not come goes behind again all the same. */
  function contact(now: Instant): void {
    leave();
    link();
    isContact = true;
    tryAt = now + timing.retryMaxMs;
  }

  function returnMs(): number {
    return Math.min(timing.returnMs * 2 ** Math.min(quickCalls, 16), timing.retryMaxMs);
  }

  function onLeader(now: Instant, next: LeaderPlace | null, isSelf: boolean): void {
    leads = isSelf;
    follows = next;
    if (isSelf) {
      leader = null;
      leave();
      link();
      return;
    }
    if (next === null || isSamePlace(leader, next)) {
      // A connection that stands needs no LA.
      if (member === 'off') leader = next;
      else if (member === 'idle' && hasSession && next !== null) open(now);
      if (leader === null) settledAt = never;
      else if (settledAt === never) settledAt = now + timing.settleMs;
      return;
    }
    leader = next;
    settledAt = now + timing.settleMs;
    failures = 0;
    if (member !== 'off') leave();
    if (own === 'off') {
      waitForLeader(now);
      tryAt = now + (random() * timing.spreadMs) / 2;
    } else tryAt = Math.min(tryAt, settledAt);
  }

  function open(now: Instant): void {
    member = 'asked';
    attemptEndsAt = now + timing.attemptMs;
    emit({ effect: 'open' });
  }

  function onSession(now: Instant, session: string | null): void {
    if (member === 'off') return;
    hasSession = session !== null;
    if (own !== 'off') {
      if (hasSession) open(now);
      else fail(now);
      return;
    }
    if (member === 'behind') emit({ effect: 'left' });
    member = 'idle';
    attemptEndsAt = never;
    waitForLeader(now);
    // Whom it does not hear, or not as accepted, it does not go behind anew.
    if (hasSession && follows !== null) open(now);
  }

  function onAnswer(now: Instant, answer: 'behind' | 'call' | 'refused'): void {
    if (member === 'off') return;
    if (answer === 'call') {
      call(now);
      return;
    }
    if (answer === 'refused') {
      const wasWithoutLink = own === 'off';
      fail(now);
      if (!wasWithoutLink) return;
      // It hears from the CCM itself why.
      mustCall = true;
      link();
      return;
    }
    if (member !== 'asked') return;
    member = 'behind';
    behindSince = now;
    attemptEndsAt = never;
    linkAt = never;
    failures = 0;
    emit({ effect: 'behind' });
    if (own === 'off') return;
    own = 'off';
    isContact = false;
    contactAt = now + (timing.contactMs * (1 + random())) / 2;
    emit({ effect: 'unlink' });
  }

  function onLeaderDown(now: Instant): void {
    if (member === 'off') return;
    const wasBehind = member === 'behind';
    fail(now);
    if (wasBehind) tryAt = now + (random() * timing.spreadMs) / 2;
  }

  function take(now: Instant, input: WayInput): void {
    switch (input.input) {
      case 'leader':
        onLeader(now, input.leader, input.leads);
        return;
      case 'welcomed':
        if (own === 'off') return;
        own = 'up';
        if (isContact) tryAt = now + timing.returnMs;
        isContact = false;
        if (mustCall) tryAt = Math.max(tryAt, now + returnMs());
        mustCall = false;
        return;
      case 'linkDown':
        if (own === 'up') own = 'connecting';
        return;
      case 'session':
        onSession(now, input.session);
        return;
      case 'answer':
        onAnswer(now, input.answer);
        return;
      case 'leaderDown':
        onLeaderDown(now);
        return;
      case 'call':
        if (own === 'off') call(now);
    }
  }

  /** Infinity while there is nothing to be tried. */
  function attemptAt(): Instant {
    if (member !== 'off' || leader === null || leads || mustCall) return never;
    return own === 'off' ? tryAt : Math.max(tryAt, settledAt);
  }

  return {
    get isBehind() {
      return member === 'behind';
    },

    handle: take,

    onTimeout(now) {
      if (attemptEndsAt <= now) fail(now);
      if (linkAt <= now) {
        link();
        if (member === 'idle') fail(now);
      }
      if (contactAt <= now) contact(now);
      if (attemptAt() > now || leader === null) return;
      member = 'connecting';
      attemptEndsAt = now + timing.attemptMs;
      emit({ effect: 'connect', leader });
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      const next = Math.min(attemptEndsAt, linkAt, contactAt, attemptAt());
      return next === never ? undefined : next;
    },
  };
}

function isSamePlace(a: LeaderPlace | null, b: LeaderPlace): boolean {
  return a !== null && a.node === b.node && a.address === b.address && a.port === b.port;
}
