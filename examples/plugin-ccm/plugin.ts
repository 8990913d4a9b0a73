// A complete plugin of the CCM: when a release is live, a CDN forgets exactly the URLs that changed. It decides nothing about what is published.

import {
  definePlugin,
  PluginError,
  quoted,
  requestWithRetry,
  secret,
  treeFacts,
  urlMapSchema,
  urlsOfChanges,
  z,
} from 'treecast/plugin';

/** What this CDN takes in one call. */
const urlsPerCall = 100;

export const edgePurge = definePlugin({
  name: 'edge-purge',
  summary: 'a CDN forgets exactly what changed',
  places: ['ccm'],
  configSchema: z.strictObject({
    endpoint: z.url({ protocol: /^https?$/ }).describe('Where purges are asked for.'),
    token: secret().describe('The access token of the CDN.'),
    urlMap: urlMapSchema
      .optional()
      .describe('How paths become URLs; by default as a plugin on the nodes found it.'),
  }),

  setup({ config }) {
    async function purge(body: object, signal: AbortSignal): Promise<void> {
      const { status, text } = await requestWithRetry(config.endpoint, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${config.token.reveal()}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal,
      });
      if (status >= 300)
        throw new PluginError(`the CDN refuses the purge with ${status}${quoted(text)}`, {
          fix: 'Check `endpoint` and `token` in ccm.yaml.',
          retryable: false,
        });
    }

    return {
      hooks: {
        async invalidate(event, { signal }) {
          const map = config.urlMap ?? event.urlMap;
          if (map === null)
            throw new PluginError(`nobody knows the URLs of ${event.site}`, {
              fix: 'Set `urlMap` in ccm.yaml.',
              retryable: false,
            });
          const changes = await event.changes();
          const { urls, everythingMissing } = urlsOfChanges(changes, map, treeFacts(await event.paths()));
          // An error page may be cached under any URL.
          if (everythingMissing) {
            await purge({ everything: true }, signal);
            return { note: 'everything purged' };
          }
          for (let first = 0; first < urls.length; first += urlsPerCall)
            await purge({ urls: urls.slice(first, first + urlsPerCall) }, signal);
          return { note: `${urls.length} URLs purged` };
        },
      },
    };
  },
});
