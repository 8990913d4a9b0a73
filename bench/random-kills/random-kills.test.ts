// The short form of the bench: few kills and switches, the same judges; and the judges themselves.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runFleetKills } from './fleet-kills.ts';
import { type HammerCounts, isRight } from './hammer.ts';
import { createSeededChance } from './seeded-chance.ts';
import { runStoreSwitches } from './store-switches.ts';
import { contentOf, versionOf } from './versioned-site.ts';

const seed = 20_261_128;
let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'treecast-kills-'));
});
after(() => rm(root, { recursive: true, force: true, maxRetries: 20 }));

const say = (line: string): void => void process.stderr.write(`${line}\n`);

test('a file tells its version, and one that is cut short, of another path or damaged tells none', () => {
  const content = contentOf('page-0.txt', 7);
  assert.equal(versionOf('page-0.txt', Buffer.from(content)), 7);
  for (const wrong of [content.slice(0, -1), content.replace('7', '8'), '', contentOf('page-3.txt', 7)])
    assert.equal(versionOf('page-0.txt', Buffer.from(wrong)), undefined);
});

test('N1 R4.5 readers of a fleet whose CCM and agents are killed 10 times find no file missing and no tree mixed', async () => {
  const result = await runFleetKills({
    directory: join(root, 'fleet'),
    nodes: 2,
    kills: 10,
    switches: 20,
    chance: createSeededChance(seed),
    say,
  });
  assertRight(result.counts);
  assert.ok(result.counts.trees > 0);
  assert.ok(result.live >= 10, `${result.live} pushes live on all nodes`);
  const { kills, wrongResponses, wedged, unverified } = result;
  assert.deepEqual(
    { kills, wrongResponses, wedged, unverified },
    { kills: 10, wrongResponses: 0, wedged: 0, unverified: 0 },
  );
});

test('N1 readers of stores that are switched and killed find no file missing and no tree mixed', async () => {
  const { switches, kills, counts } = await runStoreSwitches({
    directory: join(root, 'stores'),
    switches: 100,
    kills: 6,
    stores: 2,
    chance: createSeededChance(seed),
    say,
  });
  assertRight(counts);
  assert.ok(switches >= 100 && kills >= 6, `${switches} switches, ${kills} kills`);
});

function assertRight(counts: HammerCounts): void {
  assert.ok(isRight(counts), JSON.stringify(counts));
}
