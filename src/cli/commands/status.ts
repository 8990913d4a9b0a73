// Shows what is live where, once or continuously.

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { SiteStatus } from '../../model/api.ts';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { createLiveView } from '../live-view.ts';
import { statusLines } from '../status-lines.ts';

const watchIntervalMs = 400;

export const status = defineCommand({
  name: 'status',
  summary: 'show what is live where, and how far the running job is',
  arguments: [{ name: 'site', summary: 'one site (default: all)', optional: true }],
  options: [{ flags: '--watch', summary: 'keep showing it; Ctrl-C ends' }],
  examples: [
    { line: 'treecast status', explanation: 'all sites, all nodes' },
    {
      line: 'treecast status docs --watch',
      explanation: 'a live table; with --json one line for every change',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'with SITE a SiteStatus, without `{"sites":[SiteStatus]}`; with --watch one line for every change.',
  input: z.strictObject({ site: name.optional(), watch: z.boolean().default(false) }),
  async run({ site, watch }, { client, output, signal }) {
    const api = await client();
    const read = async (): Promise<readonly SiteStatus[]> => {
      if (site !== undefined) return [await api.sites.status(site)];
      return Promise.all((await api.sites.list()).map((each) => api.sites.status(each.name)));
    };
    const lines = (all: readonly SiteStatus[]) => statusLines(all, output.style);
    const answer = (all: readonly SiteStatus[]) => (site === undefined ? { sites: all } : all[0]);
    if (!watch) {
      const all = await read();
      output.answer(answer(all), () => lines(all));
      return;
    }
    const view = createLiveView(output);
    let before = '';
    while (!signal.aborted) {
      const all = await read();
      const now = JSON.stringify(answer(all));
      if (now !== before) {
        output.json(answer(all));
        view.draw(lines(all));
      }
      before = now;
      await delay(watchIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  },
});
