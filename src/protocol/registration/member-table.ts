// What a leader knows of each member: what it said of itself, and when it was last heard. Judges who is silent, offline or forgotten; sends nothing.

import {
  type ControlMessage,
  type ListedMember,
  type MemberDescription,
  type MemberOffer,
  type ReportedMember,
  type ReportTrigger,
  segmentMembersMax,
} from '../../model/segment.ts';
import type { Instant } from '../machine.ts';
import type { SideOptions } from './member-side.ts';

export type Request = Extract<ControlMessage, { type: 'register' }>;

/** All instants are of the leader's attended time (REG-12). */
export interface MemberTable {
  has(node: string): boolean;
  /** With the leader itself. */
  isFull(): boolean;
  /** REG-16: members known by a list alone. */
  inherit(at: Instant, members: readonly ListedMember[], former: string | null): void;
  register(
    at: Instant,
    node: string,
    request: Request,
  ): { isRepeated: boolean; changesList: boolean; trigger: ReportTrigger | null };
  here(at: Instant, node: string, offer: MemberOffer): 'unknown' | 'same' | 'changed' | 'back';
  /** Any message is a sign of life. */
  heard(at: Instant, node: string): void;
  /** Whether it was there. */
  remove(node: string): boolean;
  look(at: Instant): { toAsk: string[]; offline: string[]; hasForgotten: boolean };
  online(): string[];
  listed(): ListedMember[];
  reported(): ReportedMember[];
}

interface Row {
  address: string;
  port: number;
  nonce: number;
  online: boolean;
  heardAt: Instant;
  /** Null until it registers with this leader. */
  description: MemberDescription | null;
  readonly knownSince: Instant;
}

/** Offline for so long, a member is left out (REG-15). */
export const forgottenAfterMs = 3_600_000;

export function createMemberTable({ node: own, timing, rules }: SideOptions): MemberTable {
  const rows = new Map<string, Row>();
  const isFull = (): boolean => rows.size + 1 >= segmentMembersMax;

  return {
    has: (node) => rows.has(node),
    isFull,

    inherit(at, members, former) {
      for (const { node, address, port, nonce, online } of members) {
        if (node === own || isFull()) continue;
        // REG-16: the election has waited for the former leader already.
        const heardAt = node === former || !online ? at - timing.silentMs : at;
        rows.set(node, { address, port, nonce, online, heardAt, description: null, knownSince: at });
      }
    },

    register(at, node, { nonce, address, port, capabilities, offer }) {
      const before = rows.get(node);
      const description = { address, port, capabilities, offer };
      rows.set(node, {
        ...{ address, port, nonce, online: true, heardAt: at, description },
        knownSince: before?.knownSince ?? at,
      });
      if (before === undefined) return { isRepeated: false, changesList: true, trigger: 'join' };
      const isRepeated = before.online && before.nonce === nonce;
      const isOther =
        !before.online ||
        (before.description !== null && rules.isChangeToReport(before.description, description));
      return { isRepeated, changesList: !isRepeated, trigger: isOther ? 'availability' : null };
    },

    here(at, node, offer) {
      const row = rows.get(node);
      if (row === undefined || row.description === null) return 'unknown';
      const before = row.description;
      row.description = { ...before, offer };
      row.heardAt = at;
      if (!row.online) {
        row.online = true;
        return 'back';
      }
      return rules.isChangeToReport(before, row.description) ? 'changed' : 'same';
    },

    heard(at, node) {
      const row = rows.get(node);
      if (row?.online) row.heardAt = at;
    },

    remove: (node) => rows.delete(node),

    look(at) {
      const toAsk: string[] = [];
      const offline: string[] = [];
      let hasForgotten = false;
      for (const [node, row] of rows) {
        const silenceMs = at - row.heardAt;
        const waitsLong = row.description === null && at - row.knownSince >= timing.quietMaxMs;
        if (row.online && rules.isOffline(timing, silenceMs)) {
          row.online = false;
          offline.push(node);
        } else if (row.online && (rules.isSilent(timing, silenceMs) || waitsLong)) {
          toAsk.push(node);
        } else if (!row.online && silenceMs >= forgottenAfterMs) {
          hasForgotten = rows.delete(node);
        }
      }
      return { toAsk, offline, hasForgotten };
    },

    online: () => [...rows].filter(([, row]) => row.online).map(([node]) => node),

    listed: () =>
      [...rows].map(([node, { address, port, nonce, online }]) => ({ node, address, port, nonce, online })),

    reported: () =>
      [...rows].map(([node, { address, port, online, description }]) => ({
        ...{ node, online, address, port },
        capabilities: description?.capabilities ?? null,
        offer: description?.offer ?? null,
      })),
  };
}
