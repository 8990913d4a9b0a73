// A node that leads: takes requests, sends the list, finds out who fell silent, and reports the segment. Does not decide whether it leads.

import {
  type ControlMessage,
  type ListedMember,
  type MemberDescription,
  type ReportTrigger,
  segmentMembersMax,
} from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { SideOptions } from './member-side.ts';
import { createMemberTable, type MemberTable } from './member-table.ts';
import type { AskedReport } from './registration.ts';
import type { Batch } from './registration-rules.ts';

export interface LeaderSide {
  lead(now: Instant, term: number, priority: number, former: string | null): void;
  end(): void;
  message(now: Instant, from: string, message: ControlMessage): void;
  describe(now: Instant, self: MemberDescription): void;
  report(now: Instant, why: AskedReport): void;
  /** Called first with every input: what the machine was late is nobody's silence (REG-12). */
  attend(now: Instant): void;
  onTimeout(now: Instant): void;
  nextTimeout(): Instant;
  /** Number of the newest list; 0: none yet. */
  list(): number;
  isLeading(): boolean;
}

/** So many members that missed a list get it one by one; more get it together. */
const behindAloneMax = 3;
/** How often the silent are asked between falling silent and being offline. */
const asksUntilOffline = 4;
const never = Number.POSITIVE_INFINITY;

interface Lead {
  readonly term: number;
  readonly priority: number;
  readonly table: MemberTable;
  list: number;
  /** What came since the last list went out; null: nothing that needs one or a report. */
  batch: Batch | null;
  /** The next list differs from the last one. */
  isChanged: boolean;
  readonly triggers: Set<ReportTrigger>;
  /** Who has not got the newest list. */
  readonly behind: Set<string>;
  /** Who has still to answer before a report that was asked for, and until when. */
  asked: { readonly triggers: ReportTrigger[]; readonly nodes: Set<string>; readonly until: Instant } | null;
  reportAt: Instant;
  lookAt: Instant;
}

export function createLeaderSide(options: SideOptions): LeaderSide {
  const { node, timing, rules, outbox, view } = options;
  const lookMs = (timing.offlineMs - timing.silentMs) / asksUntilOffline;
  let { self } = options;
  let lead: Lead | null = null;
  let unattendedMs = 0;
  let calledAt: Instant = Number.NEGATIVE_INFINITY;

  /** The leader's own time, which stands still while nobody calls the machine. */
  const attended = (now: Instant): Instant => now - unattendedMs;

  function nextTimeout(): Instant {
    if (lead === null) return never;
    const listAt = lead.batch === null ? never : rules.listDueAt(timing, lead.batch);
    const askedAt = lead.asked === null ? never : lead.asked.nodes.size === 0 ? calledAt : lead.asked.until;
    return Math.min(listAt, askedAt, lead.reportAt, lead.lookAt);
  }

  /** REG-7: something that the list or a report waits for; only a request, or what changes the list, makes it wait longer. */
  function expect(now: Instant, current: Lead, waitsLonger: boolean): void {
    const { batch } = current;
    if (batch === null) current.batch = { firstAt: now, lastAt: now };
    else if (waitsLonger) current.batch = { ...batch, lastAt: now };
  }

  function change(now: Instant, current: Lead, trigger: ReportTrigger | null): void {
    current.isChanged = true;
    if (trigger !== null) current.triggers.add(trigger);
    expect(now, current, true);
  }

  function sendList(current: Lead, to: { readonly group: true } | { readonly node: string }): void {
    const { term, list } = current;
    outbox.send(to, { type: 'member-list', term, list, part: 0, parts: 1, members: listed(current) });
  }

  function listed(current: Lead): ListedMember[] {
    const { address, port } = self;
    const own: ListedMember = { node, address, port, nonce: 0, online: true };
    return [own, ...current.table.listed()].sort((left, right) => (left.node < right.node ? -1 : 1));
  }

  /** REG-7, REG-10: a new list to all, or the last one again to those that missed it; then the report. */
  function flush(now: Instant, current: Lead): void {
    current.batch = null;
    if (current.isChanged) {
      current.isChanged = false;
      current.list += 1;
      sendList(current, { group: true });
      view.replace(listed(current));
      const { term, list } = current;
      outbox.deliver({ fact: 'members', leader: node, term, list, members: view.members() });
    } else if (current.behind.size > behindAloneMax) {
      sendList(current, { group: true });
    } else {
      for (const behind of current.behind) sendList(current, { node: behind });
    }
    current.behind.clear();
    if (current.triggers.size > 0) deliverReport(now, current);
  }

  function deliverReport(now: Instant, current: Lead): void {
    const { term, priority, list, table } = current;
    const triggers = [...current.triggers];
    current.triggers.clear();
    current.reportAt = now + timing.reportMs;
    const members = [{ node, online: true, ...self }, ...table.reported()];
    members.sort((left, right) => (left.node < right.node ? -1 : 1));
    outbox.deliver({
      fact: 'segment-report',
      report: { term, priority, leader: node, list, triggers, members },
    });
  }

  function takeRequest(
    now: Instant,
    current: Lead,
    from: string,
    request: Extract<ControlMessage, { type: 'register' }>,
  ): void {
    if (!rules.isForMe(request, node, current.term)) return;
    if (current.table.isFull() && !current.table.has(from)) {
      outbox.log('registration-refused', { node: from, membersMax: segmentMembersMax });
      return;
    }
    const outcome = current.table.register(attended(now), from, request);
    if (outcome.isRepeated) current.behind.add(from);
    if (outcome.trigger !== null) current.triggers.add(outcome.trigger);
    if (outcome.changesList) current.isChanged = true;
    expect(now, current, true);
  }

  function takeHere(
    now: Instant,
    current: Lead,
    from: string,
    here: Extract<ControlMessage, { type: 'here' }>,
  ): void {
    if (here.term !== current.term) return;
    const outcome = current.table.here(attended(now), from, here.offer);
    if (rules.isBehind(here.list, current.list)) {
      current.behind.add(from);
      expect(now, current, false);
    }
    if (outcome === 'back') change(now, current, 'availability');
    if (outcome === 'changed') {
      current.triggers.add('availability');
      expect(now, current, false);
    }
  }

  /** REG-13: who is silent is asked; who stays silent is offline. */
  function look(now: Instant, current: Lead): void {
    current.lookAt = now + lookMs;
    const found = current.table.look(attended(now));
    for (const silent of found.toAsk)
      outbox.send({ node: silent }, { type: 'solicit', term: current.term, nodes: [silent] });
    for (const gone of found.offline) outbox.log('member-offline', { node: gone, term: current.term });
    if (found.offline.length > 0) change(now, current, 'availability');
    if (found.hasForgotten) change(now, current, 'leave');
  }

  return {
    lead(now, term, priority, former) {
      if (lead?.term === term) return;
      const table = lead?.table ?? createMemberTable(options);
      if (lead === null) {
        view.begin();
        table.inherit(attended(now), rules.inherited(view.members()), former);
      }
      const list = lead?.list ?? 0;
      const behind = new Set<string>();
      lead = {
        term,
        priority,
        table,
        list,
        batch: null,
        isChanged: false,
        triggers: new Set(['leader']),
        behind,
        asked: null,
        reportAt: now + timing.reportMs,
        lookAt: now + lookMs,
      };
      change(now, lead, null);
      deliverReport(now, lead);
    },

    end() {
      lead = null;
    },

    message(now, from, message) {
      if (lead === null) return;
      lead.table.heard(attended(now), from);
      if (message.type === 'register' || message.type === 'here') lead.asked?.nodes.delete(from);
      if (message.type === 'register') takeRequest(now, lead, from, message);
      else if (message.type === 'here') takeHere(now, lead, from, message);
      else if (message.type === 'leave' && lead.table.remove(from)) change(now, lead, 'leave');
    },

    describe(now, described) {
      const before = self;
      self = described;
      if (lead === null) return;
      if (rules.needsNewRequest(before, described)) change(now, lead, 'availability');
      else if (rules.isChangeToReport(before, described)) {
        lead.triggers.add('availability');
        expect(now, lead, false);
      }
    },

    report(now, why) {
      if (lead === null) return;
      if (why === 'transfer') {
        lead.triggers.add(why);
        deliverReport(now, lead);
        return;
      }
      // REG-20: with what the members say now.
      outbox.send({ group: true }, { type: 'solicit', term: lead.term, nodes: [] });
      const triggers = [...(lead.asked?.triggers ?? []), why];
      lead.asked = { triggers, nodes: new Set(lead.table.online()), until: now + timing.quietMaxMs };
    },

    attend(now) {
      // What was late already when it was called last has been counted.
      const lateMs = now - Math.max(nextTimeout(), calledAt);
      if (lateMs > 0) unattendedMs += rules.unattendedMs(lateMs);
      calledAt = now;
    },

    onTimeout(now) {
      if (lead === null) return;
      if (lead.lookAt <= now) look(now, lead);
      if (lead.batch !== null && rules.listDueAt(timing, lead.batch) <= now) flush(now, lead);
      if (lead.asked !== null && (lead.asked.nodes.size === 0 || lead.asked.until <= now)) {
        for (const trigger of lead.asked.triggers) lead.triggers.add(trigger);
        lead.asked = null;
        deliverReport(now, lead);
      }
      if (lead.reportAt > now) return;
      lead.triggers.add('timer');
      deliverReport(now, lead);
    },

    nextTimeout,
    list: () => lead?.list ?? 0,
    isLeading: () => lead !== null,
  };
}
