// The CCM's assignments: immutable files named by their id, a row each, and the small ones in memory for sending inside messages.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { inlineBytesMax } from '../../model/assignment.ts';
import type { Release } from '../../model/release.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';

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
}

/** Small assignments kept in memory; the rest are read again from their files. */
const keptMax = 256;

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
    const paths = {
      manifestPath: join(directory, `${id}.manifest`),
      dataPath: join(directory, `${id}.data`),
    };
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
      };
      database.run(
        queries
          .insertInto('assignments')
          .values(row)
          .onConflict((conflict) => conflict.doNothing()),
      );
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
  };
}
