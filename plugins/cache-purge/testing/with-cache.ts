// A cache of kind `http` that answers as a test says, the plugin in front of it, and changes that it is told of.

import type { ContentEvent } from 'treecast/plugin';
import {
  contentEvent,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';
import { siteOrigin } from './ask.ts';
import { type StartedPlugin, startPlugin } from './start-plugin.ts';

type Files = Readonly<Record<string, string>>;

export function change(
  paths: readonly string[],
  facts: { readonly job?: string; readonly pass?: number } = {},
): ContentEvent {
  const files = (text: string): Files => Object.fromEntries(paths.map((path) => [path, text]));
  return contentEvent({ from: files('old'), to: files('new'), ...facts });
}

export async function withCache(
  handler: (request: StandInRequest) => StandInAnswer | 'hang' | 'reset',
  use: (facts: {
    readonly plugin: StartedPlugin;
    readonly cache: StandInServer;
    again(): Promise<StartedPlugin>;
  }) => Promise<void>,
  more: (endpoint: string) => Record<string, unknown> = () => ({}),
): Promise<void> {
  const cache = await startStandIn(handler);
  const { url } = cache;
  const { urlMap, ...rest } = more(url);
  const config = {
    caches: [
      {
        ...{ kind: 'http', name: 'edge', url: `${url}{path}`, concurrency: 2, retryDelay: 0.01 },
        ...{ requestTimeout: 0.3, fetchBound: 1, ...rest },
      },
    ],
    urlMap: urlMap ?? { origins: [siteOrigin] },
  };
  const others: StartedPlugin[] = [];
  try {
    const plugin = await startPlugin(config);
    others.push(plugin);
    await use({
      plugin,
      cache,
      async again() {
        const other = await startPlugin(config, { stateDirectory: plugin.stateDirectory });
        others.push(other);
        return other;
      },
    });
  } finally {
    for (const other of others.reverse()) await other.close();
    await cache.close();
  }
}

/** Of the calls since this was asked last. */
export const pathsOf = (cache: StandInServer): string[] =>
  cache
    .take()
    .map(({ path }) => path)
    .sort();
