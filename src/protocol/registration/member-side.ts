// A node that follows a leader: registers until it finds itself in the leader's list, then says that it is there. Does not choose the leader,
// and does nothing while this node leads.

import type { ControlMessage, MemberDescription } from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { ListPart, ListView } from './list-view.ts';
import type { Outbox, RegistrationOptions } from './registration.ts';
import type { RegistrationRules, Waiting } from './registration-rules.ts';

export interface SideOptions extends RegistrationOptions {
  readonly rules: RegistrationRules;
  readonly outbox: Outbox;
  readonly view: ListView;
}

export interface MemberSide {
  follow(now: Instant, leader: string | null, term: number): void;
  /** Ends following, since this node leads now; answers whom it followed last. */
  end(): string | null;
  message(now: Instant, from: string, message: ControlMessage): void;
  describe(now: Instant, self: MemberDescription): void;
  onTimeout(now: Instant): void;
  nextTimeout(): Instant;
  isRegistered(): boolean;
}

/** Registration with one leader in one term; the election may lose sight of the leader in between. */
interface Session {
  readonly leader: string;
  readonly term: number;
  /** Of the current request. */
  nonce: number;
  isRegistered: boolean;
  /** Sent since the last answer. */
  requests: number;
  waiting: Waiting | null;
  registerAt: Instant;
  hereAt: Instant;
  toldUnheard: boolean;
}

const never = Number.POSITIVE_INFINITY;

export function createMemberSide(options: SideOptions): MemberSide {
  const { node, timing, random, rules, outbox, view } = options;
  let { self } = options;
  let session: Session | null = null;
  let isFollowing = false;

  const drawNonce = (): number => 1 + Math.floor(random() * 0xffff_fffe);
  const soon = (now: Instant): Instant => now + random() * timing.retryRandomMs;
  const following = (): Session | null => (isFollowing ? session : null);

  function setRegistered(now: Instant, current: Session, isRegistered: boolean): void {
    current.waiting = null;
    current.requests = 0;
    current.registerAt = isRegistered ? never : now + rules.retryWaitMs(timing, 0, random());
    current.hereAt = isRegistered ? now + random() * timing.hereMs : never;
    if (current.isRegistered === isRegistered) return;
    current.isRegistered = isRegistered;
    if (isRegistered) current.toldUnheard = false;
    outbox.deliver({ fact: 'registered', registered: isRegistered });
  }

  function register(now: Instant, current: Session): void {
    const { leader, term, nonce } = current;
    outbox.send({ group: true }, { type: 'register', term, leader, nonce, ...self });
    current.requests += 1;
    const waitMs = rules.retryWaitMs(timing, current.requests, random());
    wait(current, { requestedAt: now, lastRequestAt: now, lastListAt: null, waitMs });
    if (!rules.isUnheard(current.requests) || current.toldUnheard) return;
    current.toldUnheard = true;
    outbox.deliver({ fact: 'unheard', leader });
  }

  function wait(current: Session, waiting: Waiting): void {
    current.waiting = waiting;
    current.registerAt = rules.retryAt(timing, waiting);
  }

  function sayHere(now: Instant, current: Session): void {
    const { leader, term } = current;
    outbox.send({ node: leader }, { type: 'here', term, list: view.whole(), offer: self.offer });
    current.hereAt = now + timing.hereMs;
  }

  function takeList(now: Instant, current: Session, part: ListPart): void {
    const outcome = view.take(part);
    if (outcome === 'dropped') return;
    if (outcome === 'whole') {
      const { leader, term } = current;
      outbox.deliver({ fact: 'members', leader, term, list: part.list, members: view.members() });
    }
    // The part that makes a list whole need not be the one that names this node.
    const said = outcome === 'whole' ? view.members() : part.members;
    const entry = said.find((member) => member.node === node);
    if (rules.isRegistered(entry, current.nonce)) {
      if (!current.isRegistered) setRegistered(now, current, true);
    } else if (current.isRegistered) {
      // REG-11: left out, or thought offline: it is not, so it registers again.
      if (entry !== undefined || outcome === 'whole') setRegistered(now, current, false);
      if (!rules.isNameTaken(entry, current.nonce)) return;
      outbox.log('name-taken', { leader: current.leader, term: current.term });
      current.registerAt = now + timing.silentMs + random() * timing.retryRandomMs;
    } else if (current.waiting !== null) {
      wait(current, { ...current.waiting, lastListAt: now });
    }
  }

  /** REG-14: whoever is named answers at once; when all are asked, they spread their answers. */
  function answer(now: Instant, current: Session, nodes: readonly string[]): void {
    if (nodes.length > 0 && !nodes.includes(node)) return;
    const at = nodes.length > 0 ? now : soon(now);
    if (current.isRegistered) current.hereAt = Math.min(current.hereAt, at);
    else current.registerAt = Math.min(current.registerAt, at);
  }

  return {
    follow(now, leader, term) {
      isFollowing = leader !== null;
      if (leader === null || (session?.leader === leader && session.term === term)) return;
      if (session?.isRegistered) outbox.deliver({ fact: 'registered', registered: false });
      view.begin();
      session = {
        leader,
        term,
        nonce: drawNonce(),
        isRegistered: false,
        requests: 0,
        waiting: null,
        registerAt: soon(now),
        hereAt: never,
        toldUnheard: false,
      };
    },

    end() {
      const former = session?.leader ?? null;
      session = null;
      isFollowing = false;
      return former;
    },

    message(now, from, message) {
      const current = following();
      if (current === null || !('term' in message) || message.term !== current.term) return;
      if (message.type === 'register') {
        if (message.leader !== current.leader || current.waiting === null) return;
        wait(current, { ...current.waiting, lastRequestAt: now });
      }
      if (from !== current.leader) return;
      if (message.type === 'member-list') takeList(now, current, message);
      else if (message.type === 'solicit') answer(now, current, message.nodes);
    },

    describe(now, described) {
      const before = self;
      self = described;
      if (session === null) return;
      if (rules.needsNewRequest(before, described)) {
        session.nonce = drawNonce();
        setRegistered(now, session, false);
        session.registerAt = soon(now);
      } else if (session.isRegistered && rules.isChangeToReport(before, described)) {
        session.hereAt = now;
      }
    },

    onTimeout(now) {
      const current = following();
      if (current === null) return;
      if (current.registerAt <= now) register(now, current);
      if (current.hereAt <= now) sayHere(now, current);
    },

    nextTimeout() {
      const current = following();
      return current === null ? never : Math.min(current.registerAt, current.hereAt);
    },

    isRegistered: () => following()?.isRegistered ?? false,
  };
}
