// N13: purged URLs are asked for through the cache, and must come from the origin: by the header Age, or by a header that tells the release.

import type { ContentEvent } from 'treecast/plugin';
import type { CacheConfig } from './config/cache-config.ts';
import { type Cache, CallFailure } from './purge-work.ts';

export interface ReadBackResult {
  readonly fresh: readonly string[];
  /** Still old, or without an answer; with what was seen. */
  readonly stale: readonly { readonly url: string; readonly seen: string }[];
}

const concurrency = 8;

export async function readBack(
  { cache, config, target }: { readonly cache: Cache; readonly config: CacheConfig; readonly target: string },
  urls: readonly string[],
  facts: { readonly event: ContentEvent; readonly purgedAtMs: number; readonly signal: AbortSignal },
): Promise<ReadBackResult> {
  const { fetch } = cache;
  const fresh: string[] = [];
  const stale: { url: string; seen: string }[] = [];
  if (fetch === null) return { fresh, stale };
  const problemOf = check(config, facts.event);
  const rest = urls.values();

  async function work(): Promise<void> {
    for (const url of rest) {
      const askedAtMs = Date.now();
      try {
        const answer = await fetch?.(target, url, {}, facts.signal);
        if (answer === undefined) return;
        const problem = problemOf(answer.header.bind(answer), askedAtMs - facts.purgedAtMs);
        if (problem === undefined) fresh.push(url);
        else stale.push({ url, seen: problem });
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        stale.push({ url, seen: error.message });
      }
    }
  }

  await Promise.all(Array.from({ length: concurrency }, work));
  return { fresh, stale };
}

type Problem = (header: (name: string) => string | undefined, sincePurgeMs: number) => string | undefined;

function check({ readBackCheck }: CacheConfig, event: ContentEvent): Problem {
  if (readBackCheck === undefined) {
    return (header, sincePurgeMs) => {
      const age = Number(header('age') ?? 0);
      // Age counts whole seconds, and may be rounded up.
      return age <= sincePurgeMs / 1000 + 1 ? undefined : `Age ${age}`;
    };
  }
  const { header: name, contains } = readBackCheck;
  const filled = contains.replaceAll('{tree}', event.toTree).replaceAll('{commit}', event.commit ?? '');
  return (header) => {
    const value = header(name);
    if (value === undefined) return `no ${name}`;
    const isFresh = filled.includes('{release}')
      ? releasesIn(value).some(
          (release) => isAsNew(release, event) && value.includes(filled.replaceAll('{release}', release)),
        )
      : value.includes(filled);
    return isFresh ? undefined : `${name}: ${value}`;
  };
}

function releasesIn(text: string): string[] {
  return text.match(/\d+-\d{4,}/g) ?? [];
}

/** The tree under any of its names, or a release that came after it meanwhile. */
function isAsNew(release: string, event: ContentEvent): boolean {
  if (event.releases.includes(release)) return true;
  const [epoch = 0, sequence = 0] = release.split('-').map(Number);
  const [ownEpoch = 0, ownSequence = 0] = event.release.split('-').map(Number);
  return epoch > ownEpoch || (epoch === ownEpoch && sequence > ownSequence);
}
