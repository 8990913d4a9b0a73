// How long it takes until a real Varnish has forgotten so many URLs that it holds: for benches; `varnish.test.ts` shows that it measures a purge.

import { contentEvent } from 'treecast/plugin/testing';
import { ask, siteOrigin } from './ask.ts';
import { startOrigin } from './start-origin.ts';
import { startPlugin } from './start-plugin.ts';
import { startVarnish } from './start-varnish.ts';

export interface PurgeFigures {
  /** Of each round, in milliseconds. */
  readonly roundsMs: readonly number[];
  readonly medianMs: number;
  /** Objects that Varnish said it forgot, in all rounds. */
  readonly forgotten: number;
}

const readers = 32;

export async function measurePurge(options: {
  readonly urls: number;
  readonly rounds: number;
}): Promise<PurgeFigures> {
  const paths = Array.from({ length: options.urls }, (_, index) => `d${index % 50}/page-${index}.html`);
  const files = (text: string) => Object.fromEntries(paths.map((path) => [path, text]));
  const origin = await startOrigin();
  const varnish = await startVarnish({ originPort: origin.port });
  const plugin = await startPlugin({
    caches: [{ kind: 'varnish', name: 'edge', endpoints: [varnish.endpoint] }],
    urlMap: { origins: [siteOrigin] },
  });
  try {
    origin.serve(Object.fromEntries(paths.map((path) => [`/${path}`, path])));
    const roundsMs: number[] = [];
    let forgotten = 0;
    for (let round = 0; round < options.rounds; round += 1) {
      const rest = paths.values();
      const read = async (): Promise<void> => {
        for (const path of rest) await ask(varnish.port, `/${path}`);
      };
      await Promise.all(Array.from({ length: readers }, read));
      const event = contentEvent({ from: files('old'), to: files('new'), job: `job-${round}` });
      const startedAt = performance.now();
      const { note = '' } = await plugin.invalidate(event);
      roundsMs.push(Math.round(performance.now() - startedAt));
      forgotten += Number(/\((\d+) held/.exec(note)?.[1] ?? 0);
    }
    const medianMs = roundsMs.toSorted((a, b) => a - b)[Math.floor(roundsMs.length / 2)] ?? 0;
    return { roundsMs, medianMs, forgotten };
  } finally {
    await plugin.close();
    await varnish.close();
    await origin.close();
  }
}
