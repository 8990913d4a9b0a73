// N58 STG-32: a site that leaves the node takes nothing outside of its directory with it, whatever somebody swaps in while it goes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createDisk } from '../store/disk.ts';
import { createDiscardedSites } from './discarded-sites.ts';

test('N58 STG-32 LINK-20 a directory that becomes a link in the moment it is emptied is not followed', async (t) => {
  const { root, outside } = makeDirectories(t);
  const tree = join(root, 'docs', 'trees', 'a');
  fs.mkdirSync(tree, { recursive: true });
  for (const name of ['file', 'other']) fs.writeFileSync(join(tree, name), 'x');
  let swapped = false;
  const disk = createDisk((effect) => {
    if (swapped || effect !== 'unlink') return;
    swapped = true;
    const [removed] = fs.readdirSync(root);
    const target = join(root, removed as string, 'trees', 'a');
    fs.renameSync(target, join(root, '..', 'away'));
    fs.symlinkSync(outside, target);
  });
  const sites = createDiscardedSites(root, disk);
  await sites.discard('docs').catch(() => undefined);
  await sites.removeLeftovers();
  assert.deepEqual([swapped, fs.readdirSync(root), fs.readdirSync(outside).length], [true, [], 2]);
});

test('N58 STG-32 LINK-20 nothing outside is deleted while another thread swaps directories of a removed site for links', async (t) => {
  const { root, outside } = makeDirectories(t);
  const trees = join(root, 'docs', 'trees');
  for (let number = 0; number < 1_000; number++) {
    fs.mkdirSync(join(trees, String(number)), { recursive: true });
    fs.writeFileSync(join(trees, String(number), 'file'), 'x');
  }
  const attacker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(swapping)}`), {
    workerData: { root, outside },
  });
  t.after(() => attacker.terminate());
  await once(attacker, 'message');
  const sites = createDiscardedSites(root);
  await sites.discard('docs').catch(() => undefined);
  await attacker.terminate();
  await sites.removeLeftovers();
  assert.deepEqual([fs.readdirSync(root), fs.readdirSync(outside).sort()], [[], ['file', 'other']]);
});

function makeDirectories(t: { after(work: () => void): void }) {
  const base = temporaryDirectory(t);
  const [root, outside] = [join(base, 'sites'), join(base, 'outside')];
  for (const directory of [root, outside]) fs.mkdirSync(directory);
  for (const name of ['file', 'other']) fs.writeFileSync(join(outside, name), 'outside');
  return { root, outside };
}

/** Swaps as soon as the site was set aside, and puts nothing back. */
const swapping = `
  import fs from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const { root, outside } = workerData;
  parentPort.postMessage('ready');
  let removed;
  while (!removed) removed = fs.readdirSync(root).find((name) => name.startsWith('.removed-'));
  for (let round = 0; ; round++) {
    for (let number = 999; number >= 0; number--) {
      const target = root + '/' + removed + '/trees/' + number;
      const away = root + '/../away-' + round + '-' + number;
      try {
        fs.renameSync(target, away);
        fs.symlinkSync(outside, target);
      } catch {}
    }
  }
`;
