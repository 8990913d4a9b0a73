// The append-only log of every change of state: who did what to what. Followers hear of an event once its transaction committed.

import type { EventResource } from '../../model/api.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn, toJsonColumn } from '../db/json-column.ts';

export interface EventInput {
  /** Token name, node name, or the part of the CCM that acted (`recovery`, `retry`). */
  readonly actor: string;
  /** `<what>.<past participle>`: `site.added`, `job.decided`. */
  readonly kind: string;
  readonly site?: string;
  readonly job?: string;
  readonly node?: string;
  /** Never secrets: everybody who may read events sees it. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface EventLog {
  /** Part of the surrounding transaction, if there is one. */
  append(event: EventInput): EventResource;
  /** Events above `after`, oldest first. */
  page(request: { readonly after: number; readonly limit: number }): EventResource[];
  /** The newest event's id; 0 when there is none. */
  newestId(): number;
  /** Calls `listener` in order of ids, after commit. It must not throw. Returns how to stop. */
  subscribe(listener: (event: EventResource) => void): () => void;
}

export function createEventLog(database: CcmDatabase, now: () => number): EventLog {
  const { queries } = database;
  const listeners = new Set<(event: EventResource) => void>();

  return {
    append(event) {
      const at = now();
      const { actor, kind, site = null, job = null, node = null, data = {} } = event;
      const row = { at, actor, kind, site, job, node, data: toJsonColumn(data) };
      const id = database.run(queries.insertInto('events').values(row)).lastInsertRowid;
      const resource = { ...row, id, at: new Date(at).toISOString(), data };
      database.afterCommit(() => {
        for (const listener of listeners) listener(resource);
      });
      return resource;
    },

    page({ after, limit }) {
      const rows = database.all(
        queries.selectFrom('events').selectAll().where('id', '>', after).orderBy('id').limit(limit),
      );
      return rows.map((row) => ({
        ...row,
        at: new Date(row.at).toISOString(),
        data: fromJsonColumn(row.data),
      }));
    },

    newestId() {
      const newest = database.first(queries.selectFrom('events').select('id').orderBy('id', 'desc').limit(1));
      return newest?.id ?? 0;
    },

    subscribe(listener) {
      // Wrapped, so that the same function may follow twice.
      const entry = (event: EventResource): void => listener(event);
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
  };
}
