// The CCM's assignments: immutable files named by their id, a row each, and the small ones in memory for sending inside messages.

import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { assignmentPaths, temporaryPrefix } from '../../delta/store-assignment.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { inlineBytesMax } from '../../model/assignment.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { rawQuery } from '../db/raw-query.ts';

export interface StoredAssignment {
  readonly id: string;
  readonly manifestBytes: number;
  readonly dataBytes: number;
  /** Base64 of manifest and data, when both together are small. */
  readonly inline: { readonly manifest: string; readonly data: string } | null;
}

export interface AssignmentStore {
  readonly directory: string;
  /** Writes the row; the files are there already. */
  record(
    header: AssignmentHeader,
    manifestBytes: number,
    inline: { readonly manifest: Uint8Array; readonly data: Uint8Array } | null,
  ): StoredAssignment;
  get(id: string): Promise<StoredAssignment | undefined>;
  /** One that was built or sent lately. */
  known(id: string): StoredAssignment | undefined;
  /** All parts that bring `base` to `target` for this release, if they were built. */
  find(
    site: string,
    base: ObjectId,
    target: ObjectId,
    release: Release,
  ): Promise<readonly StoredAssignment[] | undefined>;
  files(id: string): Promise<{ readonly manifestPath: string; readonly dataPath: string } | undefined>;
  /** Sites that have assignments, removed ones too. */
  sites(): string[];
  /** Ids of a site's assignments of releases before this one (null: of all), and of `restore` ones made before `restoredBefore`; oldest first. */
  outdated(site: string, before: Release | null, restoredBefore: number, limit: number): string[];
  /** Content keys that a site's assignments are sealed with; null when some may be sealed with any of them. */
  contentKeysOf(site: string): ReadonlySet<string> | null;
  /** Ids of a site's assignments that are sealed with this key. */
  sealedWith(site: string, contentKey: string): string[];
  /** Removes the files, then the row; one that is half removed is simply removed again. */
  remove(id: string): Promise<void>;
  /** Removes temporaries of builds and files that have no row, and names them. Only while no build runs. */
  sweep(): Promise<string[]>;
}

/** Small assignments kept in memory; the rest are read again from their files. */
const keptMax = 256;
/** No content key has this name: the assignment needs none. */
const noKey = '';

export function createAssignmentStore(directory: string, database: CcmDatabase): AssignmentStore {
  const kept = new Map<string, StoredAssignment>();
  const { queries } = database;

  function keep(assignment: StoredAssignment): StoredAssignment {
    kept.set(assignment.id, assignment);
    if (kept.size > keptMax) {
      const [oldest] = kept.keys();
      kept.delete(oldest as string);
    }
    return assignment;
  }

  async function get(id: string): Promise<StoredAssignment | undefined> {
    const known = kept.get(id);
    if (known !== undefined) return known;
    const row = database.first(
      queries.selectFrom('assignments').select(['manifest_bytes', 'data_bytes']).where('id', '=', id),
    );
    const paths = row === undefined ? undefined : await files(id);
    if (row === undefined || paths === undefined) return undefined;
    const isSmall = row.manifest_bytes + row.data_bytes <= inlineBytesMax;
    const inline = isSmall
      ? {
          manifest: await readFile(paths.manifestPath, 'base64'),
          data: await readFile(paths.dataPath, 'base64'),
        }
      : null;
    return keep({ id, manifestBytes: row.manifest_bytes, dataBytes: row.data_bytes, inline });
  }

  async function files(id: string) {
    const paths = assignmentPaths(directory, id);
    const both = await Promise.all([stat(paths.manifestPath), stat(paths.dataPath)]).catch(() => undefined);
    return both === undefined ? undefined : paths;
  }

  return {
    directory,
    record(header, manifestBytes, inline) {
      const row = {
        id: header.id,
        site: header.site,
        epoch: header.release.epoch,
        sequence: header.release.sequence,
        part_index: header.part.index,
        part_of: header.part.of,
        type: header.type,
        base_tree: header.baseTree,
        target_tree: header.targetTree,
        manifest_bytes: manifestBytes,
        data_bytes: header.data.bytes,
        created_at: header.createdAt * 1000,
        content_key: header.key?.contentKeyId ?? noKey,
      };
      database.run(
        queries
          .insertInto('assignments')
          .values(row)
          .onConflict((conflict) => conflict.doNothing()),
      );
      failpoint('ccm.assignment.recorded');
      return keep({
        id: header.id,
        manifestBytes,
        dataBytes: header.data.bytes,
        inline:
          inline === null
            ? null
            : {
                manifest: Buffer.from(inline.manifest).toString('base64'),
                data: Buffer.from(inline.data).toString('base64'),
              },
      });
    },
    get,
    known: (id) => kept.get(id),
    async find(site, base, target, release) {
      const rows = database.all(
        queries
          .selectFrom('assignments')
          .select(['id', 'part_of'])
          .where('site', '=', site)
          .where('base_tree', '=', base)
          .where('target_tree', '=', target)
          // It has contents of single paths, and makes no tree.
          .where('type', '!=', 'restore')
          .where('epoch', '=', release.epoch)
          .where('sequence', '=', release.sequence)
          .orderBy('created_at', 'desc')
          .orderBy('part_index'),
      );
      const of = rows[0]?.part_of;
      if (of === undefined || rows.length < of) return undefined;
      const parts = await Promise.all(rows.slice(0, of).map((row) => get(row.id)));
      return parts.every((part) => part !== undefined) ? parts : undefined;
    },
    files,

    sites: () =>
      database
        .all(queries.selectFrom('assignments').select('site').distinct().orderBy('site'))
        .map((row) => row.site),

    outdated(site, before, restoredBefore, limit) {
      const { epoch, sequence } = before ?? { epoch: Number.MAX_SAFE_INTEGER, sequence: 0 };
      const sql = `select id from assignments
        where site = ? and ((epoch, sequence) < (?, ?) or (type = 'restore' and created_at < ?))
        order by epoch, sequence limit ?`;
      return database
        .all(rawQuery<{ id: string }>(sql, [site, epoch, sequence, restoredBefore, limit]))
        .map((row) => row.id);
    },

    contentKeysOf(site) {
      const rows = database.all(
        queries.selectFrom('assignments').select('content_key as key').distinct().where('site', '=', site),
      );
      const keys = rows.map(({ key }) => key);
      return keys.includes(null) ? null : new Set(keys as string[]);
    },
    sealedWith: (site, contentKey) =>
      database
        .all(
          queries
            .selectFrom('assignments')
            .select('id')
            .where('site', '=', site)
            .where('content_key', '=', contentKey),
        )
        .map(({ id }) => id),

    async remove(id) {
      const { manifestPath, dataPath } = assignmentPaths(directory, id);
      kept.delete(id);
      // The manifest first: where there is one, its data is there too.
      await rm(manifestPath, { force: true });
      failpoint('ccm.assignment.manifest-removed');
      await rm(dataPath, { force: true });
      failpoint('ccm.assignment.data-removed');
      database.run(queries.deleteFrom('assignments').where('id', '=', id));
      failpoint('ccm.assignment.forgotten');
      kept.delete(id);
    },

    async sweep() {
      const isKnown = 'select 1 as known from assignments where id = ?';
      const removed: string[] = [];
      for (const name of await readdir(directory)) {
        const [, id] = /^([0-9a-f]{64})\.(?:manifest|data)$/.exec(name) ?? [];
        const isLeft =
          id === undefined
            ? name.startsWith(temporaryPrefix)
            : database.first(rawQuery(isKnown, [id])) === undefined;
        if (!isLeft) continue;
        await rm(join(directory, name), { force: true });
        failpoint('ccm.assignment.swept');
        removed.push(name);
      }
      return removed;
    },
  };
}
