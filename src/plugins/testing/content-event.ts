// A ContentEvent for tests of hooks on the CCM, from two sets of files.

import type { BalancedNode, ContentEvent } from '../api/hooks.ts';
import type { UrlMap } from '../urls/url-map.ts';
import { changesBetween, treeId } from './git-ids.ts';
import type { FilesByPath } from './site-on-disk.ts';

export interface ContentEventFacts {
  readonly site?: string;
  readonly from: FilesByPath;
  readonly to: FilesByPath;
  readonly job?: string;
  readonly release?: string;
  /** Default: `release` alone. */
  readonly releases?: readonly string[];
  readonly commit?: string | null;
  readonly kind?: ContentEvent['kind'];
  readonly pass?: number;
  readonly decidedAt?: number;
  readonly origins?: readonly BalancedNode[];
  readonly urlMap?: UrlMap | null;
}

export function contentEvent(facts: ContentEventFacts): ContentEvent {
  const from = bytesOf(facts.from);
  const to = bytesOf(facts.to);
  return {
    site: facts.site ?? 'docs',
    job: facts.job ?? 'j0000000001',
    release: facts.release ?? '1-0002',
    releases: facts.releases ?? [facts.release ?? '1-0002'],
    commit: facts.commit === undefined ? 'c'.repeat(40) : facts.commit,
    kind: facts.kind ?? 'publish',
    fromTree: treeId(from),
    toTree: treeId(to),
    decidedAt: facts.decidedAt ?? 1_700_000_000_000,
    pass: facts.pass ?? 1,
    origins: facts.origins ?? [],
    urlMap: facts.urlMap ?? null,
    changes: () => Promise.resolve(changesBetween(from, to)),
    paths: () => Promise.resolve([...to.keys()].sort()),
    read: (path) => Promise.resolve(to.get(path) ?? null),
  };
}

function bytesOf(files: FilesByPath): Map<string, Uint8Array> {
  return new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)] as const));
}
