import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockBytes } from '../model/assignment.ts';
import { createBuildPool } from './build-pool.ts';
import { createFileSink } from './data-sink.ts';

test('R2.8: the hashes of blocks that workers made hold no more memory than themselves, whatever the part weighs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-sink-'));
  const pool = createBuildPool({ threads: 1 });
  try {
    await pool.warm();
    for (const region of ['sealed', 'plain'] as const) {
      const sink = createFileSink({ dataKey: randomBytes(32), pool, temporary: join(directory, region) });
      // Eight go to a worker together.
      for (let index = 0; index < 16; index += 1) {
        sink.onBlock({ region, index, payload: randomBytes(blockBytes - 16) });
      }
      const { hashes } = await sink.finish();
      assert.equal(hashes[region].length, 16);
      for (const hash of hashes[region]) {
        assert.equal(hash.length, 32);
        assert.ok(hash.buffer.byteLength < blockBytes, `${hash.buffer.byteLength} bytes are kept for a hash`);
      }
    }
  } finally {
    await pool.close();
    await rm(directory, { recursive: true });
  }
});
