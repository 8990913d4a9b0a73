import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentEvent, secretFile, testPluginConformance } from 'treecast/plugin/testing';
import { searchIndex } from './search-index.ts';
import { startIndexnow } from './testing/indexnow.ts';
import { startMeilisearch } from './testing/meilisearch.ts';
import { startOpensearch } from './testing/opensearch.ts';
import { origin } from './testing/reindex.ts';

const key = 'key-of-the-tests';
const page = (text: string): string => `<title>${text}</title><p>${text}`;
const sitemap = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>${origin}/</loc></url></urlset>`;

testPluginConformance(searchIndex, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-search-index-secrets-'));
  const secret = (value: string) => secretFile(directory, value);
  const indexnow = await startIndexnow({ host: 'docs.example.org', key });
  const meilisearch = await startMeilisearch(key);
  const opensearch = await startOpensearch('docs', `ApiKey ${key}`);
  const services = [indexnow, meilisearch, opensearch];
  const apiKey = secret(key);
  return {
    config: {
      urlMap: { origins: [origin] },
      targets: [
        { indexnow: { endpoint: `${indexnow.url}/indexnow`, key: secret(key) } },
        { sitemap: {} },
        { meilisearch: { url: meilisearch.url, index: 'docs', apiKey } },
        { opensearch: { url: `${opensearch.url}/`, index: 'docs', apiKey } },
      ],
    },
    wrong: [
      {
        config: {
          pages: [],
          origin: 'docs.example.org',
          urlMap: { origins: ['x'] },
          targets: [
            { indexnow: { key: secret('short') } },
            { sitemap: { path: '/sitemap.xml' } },
            { meilisearch: { url: 'nowhere', index: 'a/b', apiKey: { file: '/no/such/file' } } },
          ],
          engines: [],
        },
        problems: [
          /config\.pages/,
          /config\.origin: is not an origin/,
          /config\.urlMap\.origins\.0: is not an origin/,
          /targets\.0\.indexnow\.key: must have 8 to 128 letters/,
          /targets\.1\.sitemap\.path: must be a path in the tree/,
          /targets\.2\.meilisearch\.url: must be an http or https URL/,
          /targets\.2\.meilisearch\.index: must have letters/,
          /targets\.2\.meilisearch\.apiKey: .*cannot be read/,
          /engines/,
        ],
      },
      {
        config: {
          targets: [{ opensearch: { url: 'http://localhost:9200', index: 'docs', user: 'me' } }, {}],
        },
        problems: [
          /targets\.0\.opensearch: needs both `user` and `password`/,
          /targets\.1: needs one of indexnow/,
        ],
      },
    ],
    events: (site) => ({
      reindex: contentEvent({
        site,
        from: { 'index.html': page('old'), 'gone.html': page('gone'), 'sitemap.xml': sitemap },
        to: { 'index.html': page('new'), 'sitemap.xml': sitemap },
      }),
    }),
    observe: () =>
      Promise.resolve({
        heard: [...new Set(indexnow.heard)],
        meilisearch: [...meilisearch.indexes].map(([name, documents]) => [name, [...documents]]),
        opensearch: [...opensearch.documents],
      }),
    async breakTarget() {
      for (const service of services) await service.breakIt();
    },
    async stallTarget() {
      for (const service of services) service.stallIt();
    },
    async mendTarget() {
      for (const service of services) await service.mend();
    },
    failing: ['reindex'],
    async close() {
      for (const service of services) await service.close();
      rmSync(directory, { recursive: true });
    },
  };
});
