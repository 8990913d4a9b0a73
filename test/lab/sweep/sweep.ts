// Registers the sweep of some kinds of work as tests: a run that nobody dies in, then the daily cases.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createFleetPool, type FleetPool } from './fleet-pool.ts';
import type { JobType } from './job-types.ts';
import { strike, trace } from './sweep-case.ts';
import { casesOf, needsPlugins, variesIn } from './sweep-cases.ts';

/** All of them with plugins, or all without. */
export function sweep(types: readonly JobType[], fleets = 2): void {
  let directory: string;
  let pool: FleetPool;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'treecast-sweep-'));
    pool = createFleetPool(directory, { fleets, hasPlugins: types.some(needsPlugins) });
  });
  after(async () => {
    await pool.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 20 });
  });

  describe('R4.5 N26 sweep', { concurrency: fleets }, () => {
    for (const type of types) {
      // Others may be passed too: what runs in the background falls into one kind of work or another.
      test(`${type} passes the failpoints that the table says`, () =>
        pool.use(async (fleet) => {
          const wanted = casesOf(type, 'all');
          const passed = await trace(fleet, type, wanted);
          const varying = new Set(variesIn(type));
          assert.deepEqual(
            wanted.filter((name) => !varying.has(name) && !passed.has(name)),
            [],
          );
        }));
      for (const name of casesOf(type, 'daily'))
        test(`${type} killed at ${name} leaves one whole tree, and goes on`, () =>
          pool.use((fleet) => strike(fleet, type, name)));
    }
  });
}
