// A database that was copied back and noticed at start (JOB-29): what it would do by itself is of its own time, so none of it is done.
// Every site goes on above whatever was given out since; what the nodes then hand in is the core's business.

import { headUnknown } from '../core/state.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { toJsonColumn } from '../db/json-column.ts';
import type { EventLog } from '../registry/event-log.ts';

export interface CopiedBack {
  readonly database: CcmDatabase;
  readonly events: EventLog;
  readonly now: number;
  /** The branch head of a site; undefined when it has none, rejects when that cannot be read. */
  readonly headOf: (repository: string, branch: string) => Promise<string | undefined>;
}

export async function settleCopy({ database, events, now, headOf }: CopiedBack): Promise<void> {
  const { queries } = database;
  const sites = database.all(
    queries.selectFrom('sites').select(['name', 'repository', 'branch', 'epoch', 'sequence']),
  );
  const heads = new Map<string, string>();
  for (const { name, repository, branch } of sites) {
    const head = await headOf(repository, branch).catch(() => headUnknown);
    if (head !== undefined) heads.set(name, head);
  }
  const error = {
    code: 'HISTORY_LOST',
    message: 'the CCM’s database was copied back from a backup, and the job is of its time',
    fix: 'publish what is wanted',
  } as const;
  database.transaction(
    () => {
      for (const { name, epoch, sequence } of sites) {
        const head = heads.get(name);
        database.run(
          queries
            .updateTable('sites')
            .set({ epoch: epoch + 1, ...(head === undefined ? {} : { head_handled: head }) })
            .where('name', '=', name),
        );
        events.append({
          actor: 'ccm',
          kind: 'epoch.raised',
          site: name,
          data: { epoch: epoch + 1, sequence },
        });
      }
      const undecided = queries
        .selectFrom('jobs')
        .select(['id', 'site'])
        .where('phase', 'in', ['queued', 'deferred', 'planning', 'staging']);
      for (const { id, site } of database.all(undecided)) {
        database.run(
          queries
            .updateTable('jobs')
            .set({ phase: 'aborted', ended_at: now, error: toJsonColumn(error) })
            .where('id', '=', id),
        );
        events.append({
          actor: 'ccm',
          kind: 'job.aborted',
          site,
          job: id,
          data: { text: error.message, error },
        });
      }
      events.append({ actor: 'ccm', kind: 'database.copied.back', data: { sites: sites.length } });
    },
    { durable: true },
  );
}
