// Sites: what is published from where to which content group, under which policy. What is live is the core's to write; here it is only read.

import type { Selectable } from 'kysely';
import { failpoint } from '../../faults/failpoint.ts';
import type { SiteInput, SnapshotResource } from '../../model/api.ts';
import { defaultSitePolicy, type Site, type SitePolicy } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, toJsonColumn } from '../db/json-column.ts';
import type { SiteTable } from '../db/schema.ts';
import type { ContentKeyRegistry } from './content-key-registry.ts';
import type { EventLog } from './event-log.ts';
import { requireBranch, requireName } from './names.ts';

export interface SiteChange {
  readonly branch?: string;
  readonly group?: string;
  /** Replaces the policies that it names; null goes back to the default. */
  readonly policy?: { readonly [K in keyof SitePolicy]?: SitePolicy[K] | null };
}

export interface SiteRegistry {
  list(): Site[];
  find(name: string): Site | undefined;
  /** Throws NOT_FOUND. */
  get(name: string): Site;
  ofRepository(repository: string): Site[];
  /** The record of what is live; null before the first publish. */
  live(name: string): SnapshotResource | null;
  /** With its first content key. Throws INVALID_INPUT, ALREADY_EXISTS, NOT_FOUND (the group). */
  create(input: SiteInput, actor: string): Site;
  /** A new branch counts as not handled yet: its head is published. Throws NOT_FOUND, INVALID_INPUT. */
  update(name: string, change: SiteChange, actor: string): Site;
  /** The history of its jobs stays. Throws NOT_FOUND, CONFLICT while a job of it is open. */
  remove(name: string, actor: string): void;
}

export function createSiteRegistry(
  database: CcmDatabase,
  contentKeys: ContentKeyRegistry,
  events: EventLog,
  now: () => number,
): SiteRegistry {
  const { queries } = database;

  function find(name: string): Site | undefined {
    const row = database.first(queries.selectFrom('sites').selectAll().where('name', '=', name));
    return row && toSite(row);
  }

  function get(name: string): Site {
    const site = find(name);
    if (site) return site;
    throw new TreecastError('NOT_FOUND', `There is no site ${JSON.stringify(name)}.`, {
      fix: 'List the sites: treecast site list.',
    });
  }

  function requireGroup(group: string): void {
    if (database.first(queries.selectFrom('groups').select('name').where('name', '=', group))) return;
    throw new TreecastError('NOT_FOUND', `There is no content group ${JSON.stringify(group)}.`, {
      fix: 'List the groups (treecast group list) or make it (treecast group add).',
    });
  }

  return {
    find,
    get,

    list() {
      return database.all(queries.selectFrom('sites').selectAll().orderBy('name')).map(toSite);
    },

    ofRepository(repository) {
      const rows = database.all(
        queries.selectFrom('sites').selectAll().where('repository', '=', repository).orderBy('name'),
      );
      return rows.map(toSite);
    },

    live(name) {
      const row = database.first(
        queries
          .selectFrom('sites')
          .innerJoin('snapshots', 'snapshots.id', 'sites.live_snapshot')
          .selectAll('snapshots')
          .where('sites.name', '=', name),
      );
      if (!row) return null;
      return {
        id: row.id,
        job: row.job,
        release: { epoch: row.epoch, sequence: row.sequence },
        commit: row.commit_id,
        baseTree: row.base_tree,
        tree: row.tree,
        at: new Date(row.at).toISOString(),
      };
    },

    create(input, actor) {
      const { name, repository = name, branch = 'main', group = 'all', policy = {} } = input;
      requireName('site', name);
      requireName('repository', repository);
      requireBranch(branch);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.site.created'));
        if (find(name)) {
          throw new TreecastError('ALREADY_EXISTS', `There is a site ${name} already.`, {
            fix: 'Choose another name, or change that site: treecast site set.',
          });
        }
        requireGroup(group);
        const removed = database.first(
          queries.selectFrom('removed_sites').select('epoch').where('name', '=', name),
        );
        database.run(
          queries.insertInto('sites').values({
            name,
            repository,
            branch,
            group_name: group,
            policy: toJsonColumn(policy),
            created_at: now(),
            // Nodes that were away may still hold decisions of the removed site: the new one's must be above them.
            epoch: (removed?.epoch ?? 0) + 1,
          }),
        );
        contentKeys.rotate(name, actor);
        events.append({ actor, kind: 'site.added', site: name, data: { repository, branch, group, policy } });
        return get(name);
      });
    },

    update(name, change, actor) {
      if (change.branch !== undefined) requireBranch(change.branch);
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.site.changed'));
        const before = get(name);
        const row = database.first(queries.selectFrom('sites').select('policy').where('name', '=', name));
        if (change.group !== undefined) requireGroup(change.group);
        const policy = mergePolicy(row ? fromJsonColumn(row.policy) : {}, change.policy);
        database.run(
          queries
            .updateTable('sites')
            .set({
              branch: change.branch ?? before.branch,
              group_name: change.group ?? before.group,
              policy: toJsonColumn(policy),
              ...(change.branch === undefined || change.branch === before.branch
                ? {}
                : { head_handled: null }),
            })
            .where('name', '=', name),
        );
        events.append({ actor, kind: 'site.changed', site: name, data: { ...change } });
        return get(name);
      });
    },

    remove(name, actor) {
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.site.removed'));
        get(name);
        const open = database.first(
          queries.selectFrom('jobs').select('id').where('site', '=', name).where('ended_at', 'is', null),
        );
        if (open) {
          throw new TreecastError(
            'CONFLICT',
            `Site ${name} cannot be removed while its job ${open.id} is open.`,
            {
              fix: `Wait for it, or abort it: treecast job abort ${open.id}.`,
              data: { job: open.id },
            },
          );
        }
        database.run(
          queries
            .replaceInto('removed_sites')
            .columns(['name', 'epoch', 'removed_at'])
            .expression((from) =>
              from
                .selectFrom('sites')
                .select((select) => ['name', 'epoch', select.val(now()).as('removed_at')])
                .where('name', '=', name),
            ),
        );
        database.run(queries.deleteFrom('sites').where('name', '=', name));
        events.append({ actor, kind: 'site.removed', site: name });
      });
    },
  };
}

function toSite(row: Selectable<SiteTable>): Site {
  return {
    name: row.name,
    repository: row.repository,
    branch: row.branch,
    group: row.group_name,
    policy: { ...defaultSitePolicy, ...fromJsonColumn(row.policy) },
  };
}

function mergePolicy(before: Partial<SitePolicy>, change: SiteChange['policy'] = {}): Partial<SitePolicy> {
  const entries = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null);
  return Object.fromEntries(entries);
}
