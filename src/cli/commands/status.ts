// Shows what is live where, once or continuously.

import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { SiteStatus } from '../../model/api.ts';
import { defineCommand } from '../command.ts';
import { type FleetOverview, fleetLines, readFleet } from '../fleet-overview.ts';
import { name } from '../input-schemas.ts';
import { createLiveView } from '../live-view.ts';
import { statusLines } from '../status-lines.ts';

const watchIntervalMs = 400;

interface Status {
  readonly sites: readonly SiteStatus[];
  readonly fleet: FleetOverview | undefined;
}

export const status = defineCommand({
  name: 'status',
  summary: 'show what is live where, how far the running job is, and who leads the segments',
  arguments: [{ name: 'site', summary: 'one site (default: all)', optional: true }],
  options: [{ flags: '--watch', summary: 'keep showing it; Ctrl-C ends' }],
  examples: [
    {
      line: 'treecast status',
      explanation: 'all sites, all nodes, all segments; certificates that end soon',
    },
    {
      line: 'treecast status docs --watch',
      explanation: 'a live table; with --json one line for every change',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'with SITE a SiteStatus, without `{"sites":[SiteStatus],"segments","newNodes","endingCertificates"}` (the last three only for tokens that may see nodes); with --watch one line for every change.',
  input: z.strictObject({ site: name.optional(), watch: z.boolean().default(false) }),
  async run({ site, watch }, { client, output, signal }) {
    const api = await client();
    const read = async (): Promise<Status> => {
      if (site !== undefined) return { sites: [await api.sites.status(site)], fleet: undefined };
      const [sites, fleet] = await Promise.all([api.sites.list(), readFleet(api)]);
      return { sites: await Promise.all(sites.map((each) => api.sites.status(each.name))), fleet };
    };
    const lines = ({ sites, fleet }: Status) => {
      const more = fleet === undefined ? [] : fleetLines(fleet, output.style);
      return [...statusLines(sites, output.style), ...(more.length === 0 ? [] : ['', ...more])];
    };
    const answer = ({ sites, fleet }: Status) => (site === undefined ? { sites, ...fleet } : sites[0]);
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
