import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fec } from './fec.ts';

async function run(
  values: Record<string, string>,
): Promise<{ code: number; reports: Record<string, unknown>[] }> {
  const reports: Record<string, unknown>[] = [];
  const code = await fec.run({
    values: { frame: '1400', parity: '2', rounds: '1', ...values },
    say: () => undefined,
    report: (figures) => void reports.push(figures),
  });
  return { code, reports };
}

test('the bench `fec` reports each kernel both ways, and the MACs', async () => {
  const { code, reports } = await run({ parity: '1,94' });
  assert.equal(code, 0);
  assert.deepEqual(
    reports.map((one) => [one['case'], one['kernel'], one['parity'] ?? one['bytes']].join(' ')),
    [
      ...['wasm', 'plain'].flatMap((kernel) =>
        [1, 94].flatMap((parity) => ['encode', 'decode'].map((what) => `${what} ${kernel} ${parity}`)),
      ),
      ...['wasm', 'plain'].flatMap((kernel) => ['sign', 'verify'].map((what) => `${what} ${kernel} 1428`)),
    ],
  );
  for (const one of reports) assert(Number(one['gb_per_s'] ?? one['ns']) > 0, JSON.stringify(one));
});

test('numbers that are none are refused', async () => {
  for (const wrong of [
    { frame: '0' },
    { frame: '500' },
    { parity: '0' },
    { parity: '95' },
    { parity: 'all' },
    { rounds: '1.5' },
  ]) {
    assert.deepEqual(await run(wrong), { code: 2, reports: [] });
  }
});
