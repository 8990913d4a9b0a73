// The whole table of the sweep: every failpoint in every kind of work that passes it. `npm test` runs a part of it (test/faults).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFleetPool } from '../../test/lab/sweep/fleet-pool.ts';
import { type JobType, jobTypes } from '../../test/lab/sweep/job-types.ts';
import { strike } from '../../test/lab/sweep/sweep-case.ts';
import { casesOf, needsPlugins } from '../../test/lab/sweep/sweep-cases.ts';
import { sweepTable } from '../../test/lab/sweep/sweep-table.ts';
import type { Bench } from '../bench.ts';
import { sweepReport } from './sweep-report.ts';

export const crashSweep: Bench = {
  name: 'crash-sweep',
  summary: 'kills CCM or agent behind every durable effect of every kind of work, and looks at what is left',
  usage: '[--types publish,rollback,…] [--fleets 2] [--table FILE] --json',
  options: {
    types: { type: 'string', default: jobTypes.join(',') },
    fleets: { type: 'string', default: '2' },
    table: { type: 'string' },
  },
  async run({ values, say, report }) {
    const types = String(values['types']).split(',') as JobType[];
    const root = await mkdtemp(join(tmpdir(), 'treecast-sweep-'));
    const wrongOf = new Map<JobType, readonly string[]>();
    try {
      for (const hasPlugins of [false, true]) {
        const own = types.filter((type) => needsPlugins(type) === hasPlugins);
        const directory = join(root, hasPlugins ? 'with-plugins' : 'plain');
        const pool = createFleetPool(directory, { fleets: Number(values['fleets']), hasPlugins });
        for (const type of own) {
          const wrong: string[] = [];
          const names = casesOf(type, 'all');
          await Promise.all(
            names.map((name) =>
              pool
                .use((fleet) => strike(fleet, type, name))
                .catch((error: unknown) => {
                  wrong.push(name);
                  say(`${type} × ${name}: ${error instanceof Error ? error.message : String(error)}`);
                }),
            ),
          );
          wrongOf.set(type, wrong);
          report({
            bench: 'crash-sweep',
            job: type,
            cases: names.length,
            ok: names.length - wrong.length,
            wrong,
          });
        }
        await pool.close();
      }
    } finally {
      await rm(root, { recursive: true, force: true, maxRetries: 20 });
    }
    if (values['table'] !== undefined)
      await writeFile(String(values['table']), sweepReport(sweepTable, wrongOf));
    return [...wrongOf.values()].every((wrong) => wrong.length === 0) ? 0 : 1;
  },
};
