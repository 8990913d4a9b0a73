// The rows of what plugins owe. Knows nothing of plugins; order and state only.

import type { Updateable } from 'kysely';
import { failpoint } from '../../faults/failpoint.ts';
import type { PluginTaskResource } from '../../model/api.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, type JsonColumn, toJsonColumn } from '../db/json-column.ts';
import type { PluginTaskTable } from '../db/schema.ts';

export interface NewTask {
  readonly plugin: string;
  readonly hook: string;
  readonly site: string;
  readonly job: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly pass?: number;
  /** Milliseconds since 1970; default: at once. */
  readonly notBefore?: number;
}

export interface Task extends NewTask {
  readonly id: number;
  readonly pass: number;
  readonly notBefore: number;
  readonly attempts: number;
}

export interface TaskFilter {
  readonly job?: string | undefined;
  readonly site?: string | undefined;
  readonly plugin?: string | undefined;
  readonly state?: 'owed' | 'done' | 'failed' | undefined;
  readonly limit: number;
}

export interface OwedSummary {
  readonly owed: number;
  readonly waiting: number;
  readonly failed: number;
  readonly oldestOwedAt: number | null;
  readonly error: WireError | null;
}

export interface PluginTasks {
  /** One that waits for its time already is not added again: what happens until then, it covers. */
  add(task: NewTask): void;
  /** Of each plugin, hook, site and pass the oldest that is due at that moment. */
  due(at: number): Task[];
  /** When the next one after that moment will be due; null when nothing waits for its time. */
  nextDueAfter(at: number): number | null;
  done(id: number, note: string | null): void;
  failed(id: number, error: WireError): void;
  postpone(id: number, notBefore: number, error: WireError): void;
  /** What a plugin owes becomes due now, and what it gave up is owed again. */
  hasten(plugin: string): void;
  /** Those of a job that have not succeeded: owed, or given up. */
  undoneOfJob(job: string, hook: string): number;
  summary(plugin: string): OwedSummary;
  /** Owed ones of a site that have failed at least once. */
  troubledOf(site: string): number;
  /** Newest first. */
  list(filter: TaskFilter): PluginTaskResource[];
  /** Ended tasks older than this are forgotten. */
  forget(endedBefore: number): void;
}

export function createPluginTasks(database: CcmDatabase, now: () => number): PluginTasks {
  const { queries } = database;
  const table = 'plugin_tasks';

  function update(id: number, values: Updateable<PluginTaskTable>): void {
    database.run(queries.updateTable(table).set(values).where('id', '=', id));
  }

  function isAwaited({ plugin, hook, site, pass, payload }: NewTask & { readonly pass: number }, at: number) {
    const same = queries
      .selectFrom(table)
      .select('payload')
      .where('plugin', '=', plugin)
      .where('hook', '=', hook)
      .where('site', '=', site)
      .where('pass', '=', pass)
      .where('state', '=', 'owed')
      .where('not_before', '>', at);
    const aim = (of: NewTask['payload']) => JSON.stringify([of['kind'], of['fromTree'], of['toTree']]);
    return (
      payload['kind'] === 'synchronize' &&
      database.all(same).some((row) => aim(fromJsonColumn(row.payload)) === aim(payload))
    );
  }

  return {
    add({ payload, pass = 1, notBefore, ...task }) {
      const at = now();
      if (notBefore !== undefined && notBefore > at && isAwaited({ ...task, payload, pass }, at)) return;
      const row = {
        ...task,
        payload: toJsonColumn(payload),
        pass,
        state: 'owed' as const,
        attempts: 0,
        not_before: notBefore ?? at,
        created_at: at,
      };
      database.run(queries.insertInto(table).values(row));
    },
    due(at) {
      const oldest = queries
        .selectFrom(table)
        .select(({ fn }) => fn.min('id').as('id'))
        .where('state', '=', 'owed')
        .where('not_before', '<=', at)
        .groupBy(['plugin', 'hook', 'site', 'pass']);
      const rows = database.all(
        queries.selectFrom(table).selectAll().where('id', 'in', oldest).orderBy('id'),
      );
      return rows.map(({ id, plugin, hook, site, job, payload, pass, attempts, not_before }) => ({
        id,
        plugin,
        hook,
        site,
        job,
        payload: fromJsonColumn(payload),
        pass,
        attempts,
        notBefore: not_before,
      }));
    },
    nextDueAfter(at) {
      const waiting = queries.selectFrom(table).where('state', '=', 'owed').where('not_before', '>', at);
      return database.first(waiting.select(({ fn }) => fn.min('not_before').as('at')))?.at ?? null;
    },
    done(id, note) {
      update(id, { state: 'done', note, error: null, ended_at: now() });
    },
    failed(id, error) {
      update(id, { state: 'failed', error: toJsonColumn(error), ended_at: now() });
    },
    postpone(id, notBefore, error) {
      database.run(
        queries
          .updateTable(table)
          .set((row) => ({
            attempts: row('attempts', '+', 1),
            not_before: notBefore,
            error: toJsonColumn(error),
          }))
          .where('id', '=', id),
      );
    },
    hasten(plugin) {
      const ofPlugin = queries.updateTable(table).where('plugin', '=', plugin);
      database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.tasks.hastened'));
        database.run(ofPlugin.set({ not_before: now() }).where('state', '=', 'owed'));
        database.run(
          ofPlugin
            .set({ state: 'owed', attempts: 0, not_before: now(), ended_at: null })
            .where('state', '=', 'failed'),
        );
      });
    },
    undoneOfJob(job, hook) {
      const { n } = database.first(
        queries
          .selectFrom(table)
          .select(({ fn }) => fn.countAll<number>().as('n'))
          .where('job', '=', job)
          .where('hook', '=', hook)
          .where('state', '!=', 'done'),
      ) as { n: number };
      return n;
    },
    summary(plugin) {
      const ofPlugin = queries.selectFrom(table).where('plugin', '=', plugin);
      const count = (query: typeof ofPlugin) =>
        database.first(
          query.select(({ fn }) => [fn.countAll<number>().as('n'), fn.min('created_at').as('oldest')]),
        ) ?? { n: 0, oldest: null };
      const all = count(ofPlugin.where('state', '=', 'owed'));
      // A second pass that has its time before it: nobody is late.
      const early = ofPlugin
        .where('state', '=', 'owed')
        .where('attempts', '=', 0)
        .where('not_before', '>', now());
      const waiting = count(early).n;
      // What still waits is of more interest than what was given up.
      const troubled = database.first(
        ofPlugin
          .select('error')
          .where('state', 'in', ['owed', 'failed'])
          .where('error', 'is not', null)
          .orderBy('state', 'desc')
          .orderBy('id')
          .limit(1),
      );
      return {
        owed: all.n - waiting,
        waiting,
        failed: count(ofPlugin.where('state', '=', 'failed')).n,
        oldestOwedAt: all.n > waiting ? all.oldest : null,
        error: troubled?.error == null ? null : fromJsonColumn(troubled.error),
      };
    },
    troubledOf(site) {
      const { n } = database.first(
        queries
          .selectFrom(table)
          .select(({ fn }) => fn.countAll<number>().as('n'))
          .where('site', '=', site)
          .where('state', '=', 'owed')
          .where('attempts', '>', 0),
      ) as { n: number };
      return n;
    },
    list({ job, site, plugin, state, limit }) {
      let query = queries.selectFrom(table).selectAll().orderBy('id', 'desc').limit(limit);
      if (job !== undefined) query = query.where('job', '=', job);
      if (site !== undefined) query = query.where('site', '=', site);
      if (plugin !== undefined) query = query.where('plugin', '=', plugin);
      if (state !== undefined) query = query.where('state', '=', state);
      return database.all(query).map((row) => ({
        id: row.id,
        plugin: row.plugin,
        hook: row.hook,
        site: row.site,
        job: row.job,
        pass: row.pass,
        state: row.state,
        attempts: row.attempts,
        notBefore: iso(row.not_before),
        error: row.error === null ? null : fromJsonColumn(row.error),
        note: row.note ?? phaseOf(row.hook, row.payload),
        createdAt: iso(row.created_at),
        endedAt: row.ended_at === null ? null : iso(row.ended_at),
      }));
    },
    forget(endedBefore) {
      database.run(queries.deleteFrom(table).where('ended_at', '<', endedBefore));
    },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

/** Notifications of one job differ by what they tell. */
function phaseOf(hook: string, payload: JsonColumn<Readonly<Record<string, unknown>>>): string | null {
  const phase = hook === 'notify' ? fromJsonColumn(payload)['phase'] : undefined;
  return typeof phase === 'string' ? phase : null;
}
