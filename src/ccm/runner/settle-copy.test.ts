// JOB-29: what becomes of a database that is noticed to be a copy, before anything runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headUnknown } from '../core/state.ts';
import { toJsonColumn } from '../db/json-column.ts';
import { openDatabase } from '../db/open-database.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadState } from './load-state.ts';
import { settleCopy } from './settle-copy.ts';

test('JOB-29 epochs rise, what was undecided ends, branch heads count as handled; done twice it only rises again', async () => {
  const database = await openDatabase(':memory:');
  const registry = createRegistry(database);
  for (const name of ['docs', 'news']) registry.sites.create({ name }, 'test');
  const phases = ['queued', 'deferred', 'planning', 'staging', 'committing', 'succeeded'] as const;
  for (const phase of phases)
    database.run(
      database.queries.insertInto('jobs').values({
        id: phase,
        site: 'docs',
        type: 'publish',
        phase,
        epoch: null,
        sequence: null,
        commit_id: null,
        tree: null,
        base_tree: null,
        requested_by: 'author',
        branch_head: null,
        created_at: 1,
        started_at: null,
        decided_at: null,
        ended_at: phase === 'succeeded' ? 2 : null,
        not_before: null,
        files: null,
        assignment_bytes: null,
        error: phase === 'succeeded' ? null : toJsonColumn({ code: 'NO_QUORUM', message: 'x' }),
      }),
    );
  const settle = () =>
    settleCopy({
      database,
      events: registry.events,
      now: 7,
      headOf: async (repository) => {
        if (repository === 'news') throw new Error('no such repository');
        return 'f'.repeat(40);
      },
    });
  await settle();
  const { sites, jobs } = loadState(database, 0);
  assert.deepEqual(
    [...sites.values()].map(({ name, epoch, headHandled }) => [name, epoch, headHandled]),
    [
      ['docs', 2, 'f'.repeat(40)],
      ['news', 2, headUnknown],
    ],
  );
  assert.deepEqual([...jobs.keys()], ['committing']);
  const ended = database.all(
    database.queries
      .selectFrom('jobs')
      .select(['id', 'ended_at'])
      .where('phase', '=', 'aborted')
      .orderBy('id'),
  );
  assert.deepEqual(
    ended.map((row) => [row.id, row.ended_at]),
    [
      ['deferred', 7],
      ['planning', 7],
      ['queued', 7],
      ['staging', 7],
    ],
  );
  await settle();
  assert.equal(loadState(database, 0).sites.get('docs')?.epoch, 3);
  const kinds = registry.events.page({ after: 0, limit: 100 }).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'database.copied.back').length, 2);
  assert.equal(kinds.filter((kind) => kind === 'job.aborted').length, 4);
  database.close();
});
