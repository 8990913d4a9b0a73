// Shows how a job's assignments went from leader to leader, once or continuously.

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { TreeResource } from '../../model/api.ts';
import { defineCommand } from '../command.ts';
import { createLiveView } from '../live-view.ts';
import { treeLines } from '../tree-lines.ts';

const watchIntervalMs = 400;

export const treeShow = defineCommand({
  name: 'tree show',
  summary: 'show who fed whom: how a job’s release goes from leader to leader',
  details:
    'Each leader stands below the one that it fetches from; a large release goes in two parts, each down a tree of its own. STATE is `waiting` (nothing yet), `fetching`, `held` (all of it, verified) or `failed`. Bytes, rate and delay are what came from the leader above, as far as it has told; times are since the beginning. NODES are those of the segment that have it live.',
  arguments: [{ name: 'job', summary: 'its id' }],
  options: [{ flags: '--watch', summary: 'keep showing it until the job has ended; Ctrl-C ends, too' }],
  examples: [
    {
      line: 'treecast tree show j90841d9a11',
      explanation: 'who fetched from whom, how fast, how long it took',
    },
    {
      line: 'treecast tree show j90841d9a11 --watch',
      explanation: 'while it runs; with --json one line for every change',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'TreeResource; with --watch one line for every change.',
  input: z.strictObject({ job: z.string().min(1).max(100), watch: z.boolean().default(false) }),
  async run({ job, watch }, { client, output, signal }) {
    const api = await client();
    const lines = (tree: TreeResource) => treeLines(tree, output.style);
    if (!watch) {
      const tree = await api.trees.get(job);
      output.answer(tree, () => lines(tree));
      return;
    }
    const view = createLiveView(output);
    let before = '';
    let isOver = false;
    while (!isOver && !signal.aborted) {
      // First whether it goes on: what ended in between is in the last picture.
      isOver = (await api.jobs.get(job)).endedAt !== null;
      const tree = await api.trees.get(job);
      const now = JSON.stringify(tree);
      if (now !== before) {
        output.json(tree);
        view.draw(lines(tree));
      }
      before = now;
      if (!isOver) await delay(watchIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  },
});
