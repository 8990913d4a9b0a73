// Segments, which nodes belong to them and what those may be there, whom the CCM accepted last and what that one reported.
// Who is accepted, and where a node belongs that nobody placed, is decided in src/ccm/segments.

import { randomBytes } from 'node:crypto';
import type { Selectable, Updateable } from 'kysely';
import { failpoint } from '../../faults/failpoint.ts';
import type { RateLimit } from '../../model/rate-limit.ts';
import {
  type ControlChannel,
  defaultControlChannel,
  type LeadRole,
  type PlacedBy,
} from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { LeaderClaim } from '../../protocol/segment/acceptance.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, toJsonColumn } from '../db/json-column.ts';
import type { BelievedReport, NodeTable, SegmentTable } from '../db/schema.ts';
import type { EventInput, EventLog } from './event-log.ts';
import { requireName } from './names.ts';
import type { NodeRegistry } from './node-registry.ts';
import { freeSegmentName } from './segment-name.ts';

export interface SegmentRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly channel: ControlChannel;
  /** What its leader may send by multicast; null: no limit. */
  readonly rate: RateLimit | null;
  /** What its leader may send to other segments, and fetch from elsewhere, each; null: no limit. */
  readonly wanRate: RateLimit | null;
  /** Accepted last; perhaps not any more. */
  readonly leader: { readonly node: string; readonly term: number; readonly acceptedAt: number } | null;
  readonly report: BelievedReport | null;
  readonly reportedAt: number | null;
}

export interface SegmentRegistry {
  /** By name. */
  list(): SegmentRecord[];
  find(id: string): SegmentRecord | undefined;
  /** By id. */
  names(): ReadonlyMap<string, string>;
  /** By id: those that have one. */
  wanRates(): ReadonlyMap<string, RateLimit>;
  /** By name. Throws NOT_FOUND. */
  get(name: string): SegmentRecord;
  /** With a name that it makes up, and this id when nodes have one already that the database has lost. */
  make(actor: string, id?: string): SegmentRecord;
  /** The one of that name, new when there is none. Throws INVALID_INPUT. */
  ensure(name: string, actor: string): SegmentRecord;
  /** Throws NOT_FOUND, INVALID_INPUT, ALREADY_EXISTS. */
  rename(name: string, to: string, actor: string): SegmentRecord;
  setChannel(name: string, channel: ControlChannel, actor: string): SegmentRecord;
  setRate(name: string, rate: RateLimit | null, actor: string): SegmentRecord;
  setWanRate(name: string, rate: RateLimit | null, actor: string): SegmentRecord;
  /** Throws NOT_FOUND, CONFLICT (it has nodes). */
  remove(name: string, actor: string): void;
  /** Null: no segment. False when it was so already. */
  place(node: string, segment: string | null, by: PlacedBy, actor: string): boolean;
  /** One node of a segment at most is preassigned: who was it before is only allowed. */
  setRole(node: string, role: LeadRole, actor: string): void;
  setFactor(node: string, factor: number, actor: string): void;
  accepted(id: string, leader: string, term: number): void;
  leaderGone(id: string, was: LeaderClaim, because: string): void;
  leaderRefused(id: string, claim: LeaderClaim, accepted: LeaderClaim): void;
  /** With what it tells that is new. */
  reported(id: string, report: BelievedReport, changes: readonly EventInput[]): void;
}

export function createSegmentRegistry(
  database: CcmDatabase,
  nodes: Pick<NodeRegistry, 'list' | 'get'>,
  events: EventLog,
  now: () => number,
): SegmentRegistry {
  const { queries } = database;
  const all = queries.selectFrom('segments').selectAll();
  /** As they are in the database; undefined: to be read again. */
  let wanRates: ReadonlyMap<string, RateLimit> | undefined;

  function find(id: string): SegmentRecord | undefined {
    const row = database.first(all.where('id', '=', id));
    return row && toRecord(row);
  }

  function named(name: string): SegmentRecord | undefined {
    const row = database.first(all.where('name', '=', name));
    return row && toRecord(row);
  }

  function get(name: string): SegmentRecord {
    const segment = named(name);
    if (segment !== undefined) return segment;
    throw new TreecastError('NOT_FOUND', `There is no segment ${JSON.stringify(name)}.`, {
      fix: 'List the segments: treecast segment list.',
    });
  }

  function insert(name: string, actor: string, id = randomBytes(16).toString('hex')): SegmentRecord {
    const { transport, group, port } = defaultControlChannel;
    database.run(
      queries.insertInto('segments').values({
        id,
        name,
        created_at: now(),
        transport,
        channel_group: group,
        channel_port: port,
        leader: null,
        leader_term: null,
        accepted_at: null,
        report: null,
        reported_at: null,
        rate: null,
        wan_rate: null,
      }),
    );
    events.append({ actor, kind: 'segment.made', data: { segment: name, id } });
    return get(name);
  }

  function update(name: string, values: Updateable<SegmentTable>): void {
    database.run(queries.updateTable('segments').set(values).where('name', '=', name));
  }

  function setOfNode(node: string, values: Updateable<NodeTable>): void {
    database.run(queries.updateTable('nodes').set(values).where('name', '=', node));
  }

  return {
    list: () => database.all(all.orderBy('name')).map(toRecord),
    find,
    get,

    names: () =>
      new Map(
        database
          .all(queries.selectFrom('segments').select(['id', 'name']))
          .map(({ id, name }) => [id, name] as const),
      ),
    wanRates() {
      const rows = queries
        .selectFrom('segments')
        .select(['id', 'wan_rate'])
        .where('wan_rate', 'is not', null);
      wanRates ??= new Map(
        database
          .all(rows)
          .flatMap(({ id, wan_rate: rate }) => (rate === null ? [] : [[id, fromJsonColumn(rate)] as const])),
      );
      return wanRates;
    },

    make(actor, id) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.made'));
        return insert(
          freeSegmentName((name) => named(name) === undefined),
          actor,
          id,
        );
      });
    },

    ensure(name, actor) {
      requireName('segment', name);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.named'));
        return named(name) ?? insert(name, actor);
      });
    },

    rename(name, to, actor) {
      requireName('segment', to);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.renamed'));
        get(name);
        if (name === to) return get(name);
        if (named(to) !== undefined) {
          throw new TreecastError('ALREADY_EXISTS', `There is a segment ${to} already.`, {
            fix: 'Choose another name.',
          });
        }
        update(name, { name: to });
        events.append({ actor, kind: 'segment.renamed', data: { segment: to, before: name } });
        return get(to);
      });
    },

    setChannel(name, channel, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.channel-set'));
        get(name);
        const { transport, group, port } = channel;
        update(name, { transport, channel_group: group, channel_port: port });
        events.append({ actor, kind: 'segment.channelSet', data: { segment: name, channel } });
        return get(name);
      });
    },

    setRate(name, rate, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.rate-set'));
        get(name);
        update(name, { rate: rate && toJsonColumn(rate) });
        events.append({ actor, kind: 'segment.rateSet', data: { segment: name, rate } });
        return get(name);
      });
    },

    setWanRate(name, rate, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.wan-rate-set'));
        get(name);
        update(name, { wan_rate: rate && toJsonColumn(rate) });
        wanRates = undefined;
        events.append({ actor, kind: 'segment.wanRateSet', data: { segment: name, rate } });
        return get(name);
      });
    },

    remove(name, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.removed'));
        const { id } = get(name);
        const left = nodes.list().filter(({ segment }) => segment === id);
        if (left.length > 0) {
          throw new TreecastError('CONFLICT', `Segment ${name} has ${left.length} nodes.`, {
            fix: 'Move them to another segment first: treecast segment assign OTHER NODE.',
            data: { nodes: left.slice(0, 20).map((node) => node.name) },
          });
        }
        database.run(queries.deleteFrom('segments').where('id', '=', id));
        wanRates = undefined;
        events.append({ actor, kind: 'segment.removed', data: { segment: name, id } });
      });
    },

    place(node, segment, by, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.node-placed'));
        const before = nodes.get(node);
        if (before.segment === segment && (before.segmentBy === by || by !== 'operator')) return false;
        setOfNode(node, { segment, segment_by: segment === null ? null : by });
        if (before.leadRole === 'preassigned' && before.segment !== segment)
          setOfNode(node, { lead_role: 'allowed' });
        const nameOf = (id: string | null): string | null => (id === null ? null : (find(id)?.name ?? null));
        const data = { segment: nameOf(segment), before: nameOf(before.segment), by };
        events.append({ actor, kind: 'node.placed', node, data });
        return true;
      });
    },

    setRole(node, role, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.role-set'));
        const { segment, leadRole } = nodes.get(node);
        if (leadRole === role) return;
        if (role === 'preassigned') {
          for (const other of nodes.list()) {
            if (other.segment === segment && other.leadRole === 'preassigned')
              setOfNode(other.name, { lead_role: 'allowed' });
          }
        }
        setOfNode(node, { lead_role: role });
        events.append({ actor, kind: 'node.leadRoleSet', node, data: { role, before: leadRole } });
      });
    },

    setFactor(node, factor, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.factor-set'));
        const { leadFactor } = nodes.get(node);
        if (leadFactor === factor) return;
        setOfNode(node, { lead_factor: factor });
        events.append({ actor, kind: 'node.leadFactorSet', node, data: { factor, before: leadFactor } });
      });
    },

    accepted(id, leader, term) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.leader-accepted'));
        const segment = find(id);
        if (segment === undefined) return;
        update(segment.name, { leader, leader_term: term, accepted_at: now() });
        const before = segment.leader && { leader: segment.leader.node, term: segment.leader.term };
        const data = { segment: segment.name, leader, term, before };
        events.append({ actor: leader, kind: 'segment.leaderAccepted', node: leader, data });
      });
    },

    leaderGone(id, { leader, term }, because) {
      const data = { segment: find(id)?.name ?? null, leader, term, because };
      events.append({ actor: 'segments', kind: 'segment.leaderGone', node: leader, data });
    },

    leaderRefused(id, { leader, term }, accepted) {
      const data = { segment: find(id)?.name ?? null, leader, term, accepted };
      events.append({ actor: 'segments', kind: 'segment.leaderRefused', node: leader, data });
    },

    reported(id, report, changes) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.segment.reported'));
        const segment = find(id);
        if (segment === undefined) return;
        update(segment.name, { report: toJsonColumn(report), reported_at: now() });
        for (const change of changes) events.append(change);
      });
    },
  };
}

function toRecord(row: Selectable<SegmentTable>): SegmentRecord {
  const { leader, leader_term: term, accepted_at: acceptedAt } = row;
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    channel: { transport: row.transport, group: row.channel_group, port: row.channel_port },
    rate: row.rate === null ? null : fromJsonColumn(row.rate),
    wanRate: row.wan_rate === null ? null : fromJsonColumn(row.wan_rate),
    leader:
      leader === null || term === null || acceptedAt === null ? null : { node: leader, term, acceptedAt },
    // Of a large segment it is most of the row, and seldom looked at.
    get report() {
      return row.report === null ? null : fromJsonColumn(row.report);
    },
    reportedAt: row.reported_at,
  };
}
