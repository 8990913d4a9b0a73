// The keys that seal a site's assignments. The newest not retired one seals; older ones still open what was sealed with them.

import { randomBytes } from 'node:crypto';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { EventLog } from './event-log.ts';
import { createId } from './secret.ts';

export interface ContentKey {
  readonly id: string;
  /** 32 bytes, base64. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970; null for the one that seals. */
  readonly retiredAt: number | null;
}

export interface ContentKeyRegistry {
  /** The key that seals new assignments. Throws NOT_FOUND when there is no such site. */
  current(site: string): ContentKey;
  /** All keys of a site, the current one first, then the last retired ones. */
  list(site: string): ContentKey[];
  /** Retires the current key (if any) and makes a new one. */
  rotate(site: string, actor: string): ContentKey;
  /** Forgets retired keys other than these: nothing sealed with them is needed any more. */
  forget(site: string, needed: ReadonlySet<string>): void;
}

export function createContentKeyRegistry(
  database: CcmDatabase,
  events: EventLog,
  now: () => number,
): ContentKeyRegistry {
  const { queries } = database;

  function list(site: string): ContentKey[] {
    const rows = database.all(
      queries
        .selectFrom('content_keys')
        .select(['id', 'key', 'created_at as createdAt', 'retired_at as retiredAt'])
        .where('site', '=', site)
        .orderBy((order) => order.fn.coalesce('retired_at', order.val(Number.MAX_SAFE_INTEGER)), 'desc')
        .orderBy('created_at', 'desc'),
    );
    return rows;
  }

  return {
    list,

    current(site) {
      const key = list(site).find(({ retiredAt }) => retiredAt === null);
      if (key) return key;
      throw new TreecastError('NOT_FOUND', `There is no content key of a site ${JSON.stringify(site)}.`, {
        fix: 'List the sites: treecast site list.',
      });
    },

    rotate(site, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.content-key.rotated'));
        const at = now();
        const key = {
          id: createId('k-'),
          key: randomBytes(32).toString('base64'),
          createdAt: at,
          retiredAt: null,
        };
        const retired = database.run(
          queries
            .updateTable('content_keys')
            .set({ retired_at: at })
            .where('site', '=', site)
            .where('retired_at', 'is', null),
        );
        database.run(
          queries
            .insertInto('content_keys')
            .values({ site, id: key.id, key: key.key, created_at: at, retired_at: null }),
        );
        if (retired.changes > 0) {
          events.append({ actor, kind: 'contentKey.rotated', site, data: { contentKey: key.id } });
        }
        return key;
      });
    },

    forget(site, needed) {
      for (const { id, retiredAt } of list(site)) {
        if (retiredAt === null || needed.has(id)) continue;
        database.run(queries.deleteFrom('content_keys').where('site', '=', site).where('id', '=', id));
        failpoint('ccm.content-key.forgotten');
      }
    },
  };
}
