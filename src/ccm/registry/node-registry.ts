// Nodes: who joined, their labels, maintenance, and what they last said of themselves. Their certificates are beside it.
// Whether a node is connected is the gateway's to know; what it holds of each site is written by the core and only read here.

import { failpoint } from '../../faults/failpoint.ts';
import type { NodeSiteState } from '../../model/api.ts';
import type { LeadRole, PlacedBy } from '../../model/segment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { toJsonColumn } from '../db/json-column.ts';
import type { EventLog } from './event-log.ts';
import { requireLabels, requireName } from './names.ts';
import type { NodeCertificate, NodeCertificateRegistry } from './node-certificate-registry.ts';
import { toNodeRecord, toNodeSiteState } from './node-rows.ts';

type Labels = Readonly<Record<string, string>>;

export interface NodeRecord {
  readonly name: string;
  /** What the agent says, overridden by what operators set. */
  readonly labels: Labels;
  /** Milliseconds since 1970, as all times here. */
  readonly joinedAt: number;
  readonly maintenance: boolean;
  readonly url: string | null;
  readonly agentVersion: string | null;
  readonly freeBytes: number | null;
  readonly lastSeenAt: number | null;
  /** Its segment's id; null: none yet. */
  readonly segment: string | null;
  readonly segmentBy: PlacedBy | null;
  readonly leadRole: LeadRole;
  /** The operator's; 1 where nothing was set. */
  readonly leadFactor: number;
}

export interface NodeSighting {
  readonly url: string | null;
  readonly agentVersion: string;
  readonly freeBytes: number;
  readonly labels: Labels;
}

export interface NodeRegistry {
  /** Without removed nodes, by name. */
  list(): NodeRecord[];
  find(name: string): NodeRecord | undefined;
  /** Throws NOT_FOUND, also for a removed node. */
  get(name: string): NodeRecord;
  /** What it holds of each site, by site. */
  sitesOf(name: string): NodeSiteState[];
  /** A removed node's name may join again. Throws ALREADY_EXISTS, INVALID_INPUT. */
  join(node: {
    readonly name: string;
    readonly labels?: Labels;
    readonly certificate: NodeCertificate;
  }): NodeRecord;
  /** Writes what a hello says; true when its labels changed and memberships may have too. */
  seen(name: string, sighting: NodeSighting): boolean;
  setMaintenance(name: string, maintenance: boolean, actor: string): void;
  /** Replaces the labels that operators set. */
  setLabels(name: string, labels: Labels, actor: string): void;
  /** Its certificates stop working, its memberships and holdings are forgotten; history stays. */
  remove(name: string, actor: string): void;
}

export function createNodeRegistry(
  database: CcmDatabase,
  certificates: NodeCertificateRegistry,
  events: EventLog,
  now: () => number,
): NodeRegistry {
  const { queries } = database;
  const present = queries.selectFrom('nodes').selectAll().where('removed_at', 'is', null);

  function find(name: string): NodeRecord | undefined {
    const row = database.first(present.where('name', '=', name));
    return row && toNodeRecord(row);
  }

  function get(name: string): NodeRecord {
    const node = find(name);
    if (node) return node;
    throw new TreecastError('NOT_FOUND', `There is no node ${JSON.stringify(name)}.`, {
      fix: 'List the nodes: treecast node list.',
    });
  }

  return {
    find,
    get,
    list: () => database.all(present.orderBy('name')).map(toNodeRecord),

    sitesOf(name) {
      const rows = database.all(
        queries.selectFrom('node_sites').selectAll().where('node', '=', name).orderBy('site'),
      );
      return rows.map(toNodeSiteState);
    },

    join({ name, labels = {}, certificate }) {
      requireName('node', name);
      requireLabels(labels);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.joined'));
        if (find(name)) {
          throw new TreecastError('ALREADY_EXISTS', `There is a node ${name} already.`, {
            fix: `Choose another name, or remove the old node first: treecast node remove ${name}.`,
          });
        }
        const values = {
          name,
          labels: toJsonColumn({}),
          agent_labels: toJsonColumn(labels),
          certificate_fingerprint: certificate.fingerprint,
          certificate_serial: certificate.serial,
          joined_at: now(),
          maintenance: 0,
          url: null,
          agent_version: null,
          free_bytes: null,
          last_seen_at: null,
          removed_at: null,
          segment: null,
          segment_by: null,
          lead_role: 'allowed',
          lead_factor: 1,
        } as const;
        database.run(
          queries
            .insertInto('nodes')
            .values(values)
            .onConflict((conflict) => conflict.column('name').doUpdateSet(values)),
        );
        certificates.issued(name, certificate);
        events.append({
          actor: name,
          kind: 'node.joined',
          node: name,
          data: { labels, certificateFingerprint: certificate.fingerprint },
        });
        return get(name);
      });
    },

    seen(name, { url, agentVersion, freeBytes, labels }) {
      requireLabels(labels);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.seen'));
        const before = get(name);
        const values = {
          url,
          agent_version: agentVersion,
          free_bytes: freeBytes,
          agent_labels: toJsonColumn(labels),
          last_seen_at: now(),
        };
        database.run(queries.updateTable('nodes').set(values).where('name', '=', name));
        const after = get(name);
        if (sameLabels(before.labels, after.labels)) return false;
        events.append({ actor: name, kind: 'node.labelled', node: name, data: { labels: after.labels } });
        return true;
      });
    },

    setMaintenance(name, maintenance, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.maintenance-set'));
        if (get(name).maintenance === maintenance) return;
        database.run(
          queries
            .updateTable('nodes')
            .set({ maintenance: maintenance ? 1 : 0 })
            .where('name', '=', name),
        );
        events.append({ actor, kind: 'node.maintenance', node: name, data: { maintenance } });
      });
    },

    setLabels(name, labels, actor) {
      requireLabels(labels);
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.labelled'));
        get(name);
        database.run(
          queries
            .updateTable('nodes')
            .set({ labels: toJsonColumn(labels) })
            .where('name', '=', name),
        );
        events.append({ actor, kind: 'node.labelled', node: name, data: { labels: get(name).labels } });
      });
    },

    remove(name, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.removed'));
        get(name);
        database.run(
          queries
            .updateTable('nodes')
            .set({ removed_at: now(), segment: null, segment_by: null })
            .where('name', '=', name),
        );
        certificates.revoke(name);
        database.run(queries.deleteFrom('group_nodes').where('node', '=', name));
        database.run(queries.deleteFrom('node_sites').where('node', '=', name));
        events.append({ actor, kind: 'node.removed', node: name });
      });
    },
  };
}

function sameLabels(a: Labels, b: Labels): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
