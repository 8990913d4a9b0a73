// After a publish is live, search engines and indexes hear exactly which pages changed (R9.4). Each target is on its own: when one
// fails, the others are not told again for the same job.

import { type ContentEvent, definePlugin, type HookCall, PluginError, pathGlob } from 'treecast/plugin';
import { changedPages } from './changed-pages.ts';
import { createIndexnowTarget } from './indexnow-target.ts';
import { createMeilisearchTarget } from './meilisearch-target.ts';
import { createOpensearchTarget } from './opensearch-target.ts';
import { createPageUrls } from './page-urls.ts';
import { type SearchIndexConfig, searchIndexConfigSchema } from './search-index-config.ts';
import type { PagesEvent, SearchTarget } from './search-target.ts';
import { createSitemapTarget } from './sitemap-target.ts';

/** Jobs of which some targets are still owed. */
const owedJobsMax = 1000;

export const searchIndex = definePlugin({
  name: 'search-index',
  summary: 'tells search engines and search indexes exactly which pages changed',
  places: ['ccm', 'gl'],
  configSchema: searchIndexConfigSchema,
  setup({ config }) {
    const targets = config.targets.map(createTarget);
    const doneOf = new Map<string, Set<SearchTarget>>();
    return {
      hooks: {
        async reindex(event, call) {
          const pages = await pagesOf(config, event);
          if (pages.updated.length === 0 && pages.deleted.length === 0) return { note: 'no page changed' };
          const job = `${event.site} ${event.job} ${event.release}`;
          const done = doneOf.get(job) ?? new Set();
          const owed = targets.filter((target) => !done.has(target));
          const outcomes = await Promise.all(owed.map((target) => outcomeOf(target, pages, call)));
          const failures = outcomes.filter(({ error }) => error !== undefined);
          doneOf.delete(job);
          if (failures.length === 0)
            return { note: outcomes.map(({ target, note }) => `${target.title}: ${note}`).join('; ') };
          const failure = failed(failures);
          if (failure.retryable) {
            // The whole hook is called again: who is done, or refused for good, is not asked again then.
            for (const { target, error } of outcomes)
              if (error === undefined || !error.retryable) done.add(target);
            doneOf.set(job, done);
            const oldest = doneOf.keys().next().value;
            if (doneOf.size > owedJobsMax && oldest !== undefined) doneOf.delete(oldest);
          }
          throw failure;
        },
      },
    };
  },
});

type TargetConfig = SearchIndexConfig['targets'][number];

function createTarget({ indexnow, sitemap, meilisearch, opensearch }: TargetConfig): SearchTarget {
  if (indexnow !== undefined) return createIndexnowTarget(indexnow);
  if (sitemap !== undefined) return createSitemapTarget(sitemap);
  if (meilisearch !== undefined) return createMeilisearchTarget(meilisearch);
  if (opensearch !== undefined) return createOpensearchTarget(opensearch);
  throw new PluginError('a target is of no kind', { fix: 'Name what it is in the configuration.' });
}

async function pagesOf(config: SearchIndexConfig, event: ContentEvent): Promise<PagesEvent> {
  const map = config.urlMap ?? event.urlMap;
  const origin = config.origin ?? map?.origins[0];
  if (map === null || origin === undefined)
    throw new PluginError('no web server of this site tells how its paths become URLs', {
      fix: 'Write `urlMap: { origins: [https://…] }` into the plugin’s configuration.',
      retryable: false,
    });
  const included = pathGlob(config.pages);
  const excluded = pathGlob([...config.exclude, ...map.errorPages]);
  const existing = new Set(await event.paths());
  const pages = changedPages({
    changes: await event.changes(),
    map,
    urls: createPageUrls(map, origin),
    isPage: (path) => included(path) && !excluded(path),
    exists: (path) => existing.has(path),
  });
  return { ...pages, content: event, origin, prefix: map.prefix };
}

interface Outcome {
  readonly target: SearchTarget;
  readonly note: string;
  readonly error?: PluginError;
}

async function outcomeOf(target: SearchTarget, pages: PagesEvent, call: HookCall): Promise<Outcome> {
  try {
    return { target, note: await target.reindex(pages, call) };
  } catch (error) {
    if (error instanceof PluginError) return { target, note: 'failed', error };
    throw error;
  }
}

function failed(failures: readonly Outcome[]): PluginError {
  const texts = failures.map(({ target, error }) => `${target.title}: ${error?.message ?? ''}`);
  const fixes = new Set(failures.flatMap(({ error }) => error?.fix ?? []));
  return new PluginError(texts.join('; '), {
    fix: [...fixes].join(' '),
    retryable: failures.some(({ error }) => error?.retryable ?? false),
  });
}
