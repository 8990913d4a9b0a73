// Gives back what no site needs any more: hidden refs of trees, assignments of former releases and old repairs with their files, former
// content keys. Only while no job is open, a bounded number a round, and judged anew before each.

import type { GitSource } from '../../git-source/git-source.ts';
import type { CoreState } from '../core/state.ts';
import type { AssignmentStore } from '../distribution/assignment-store.ts';
import { ticketLifeMs } from '../distribution/ticket-life.ts';
import type { ContentKeyRegistry } from '../registry/content-key-registry.ts';
import { neededTrees } from './kept-trees.ts';

export interface RetentionOptions {
  readonly state: CoreState;
  readonly store: Pick<AssignmentStore, 'sites' | 'outdated' | 'remove' | 'contentKeysOf' | 'sealedWith'>;
  readonly contentKeys: Pick<ContentKeyRegistry, 'list' | 'forget'>;
  readonly source: (repository: string) => Pick<GitSource, 'keptTrees' | 'releaseTree'>;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
  readonly treesMax?: number;
  readonly assignmentsMax?: number;
}

export interface Retention {
  /** One round. Ends at once while a job is open, early when one is opened. Never rejects. */
  tidy(): Promise<void>;
  /** Resolves when nothing is under way; later rounds do nothing. */
  close(): Promise<void>;
}

/** Of a site; nodes are given no more than contentKeysMax. */
const contentKeysKept = 8;

export function createRetention(options: RetentionOptions): Retention {
  const { state, store, contentKeys, source, onError, treesMax = 50, assignmentsMax = 200 } = options;
  /** What a repository's sites looked like when nothing was left to release in it: no process is started to look again. */
  const tidied = new Map<string, string>();
  let closed = false;
  let running: Promise<void> | null = null;

  const mayGoOn = () => !closed && state.jobs.size === 0;

  /** Changes whenever a tree may have been kept or may no longer be needed. */
  function lookOf(repository: string): string {
    const sites = [...state.sites.values()]
      .filter((site) => site.repository === repository)
      .map((site) => `${site.name}@${site.epoch}-${site.sequence}`);
    return [...sites.sort(), ...[...neededTrees(state, repository)].sort()].join(' ');
  }

  async function releaseTrees(): Promise<void> {
    let left = treesMax;
    for (const repository of new Set([...state.sites.values()].map((site) => site.repository))) {
      if (left <= 0 || !mayGoOn()) return;
      const look = lookOf(repository);
      if (tidied.get(repository) === look) continue;
      const kept = await source(repository).keptTrees();
      for (const tree of kept) {
        if (!mayGoOn()) return;
        if (neededTrees(state, repository).has(tree)) continue;
        if (left <= 0) return;
        left -= 1;
        await source(repository).releaseTree(tree);
      }
      tidied.set(repository, look);
    }
  }

  async function removeAssignments(): Promise<void> {
    let left = assignmentsMax;
    for (const name of store.sites()) {
      const site = state.sites.get(name);
      const before = site === undefined ? null : site.lastDecision?.release;
      if (before === undefined) continue;
      for (const id of store.outdated(name, before, options.now() - ticketLifeMs, left)) {
        if (!mayGoOn()) return;
        left -= 1;
        await store.remove(id);
      }
      if (left <= 0 || !mayGoOn()) return;
    }
  }

  /** KEYS-13: former content keys go with the last assignment that they seal, and the oldest of many with theirs. */
  async function forgetContentKeys(): Promise<void> {
    for (const site of state.sites.keys()) {
      const keys = contentKeys.list(site);
      for (const { id } of keys.slice(contentKeysKept)) {
        for (const assignment of store.sealedWith(site, id)) {
          if (!mayGoOn()) return;
          await store.remove(assignment);
        }
      }
      if (keys.length < 2 || !mayGoOn()) continue;
      const needed = store.contentKeysOf(site);
      if (needed !== null) contentKeys.forget(site, needed);
    }
  }

  async function round(): Promise<void> {
    try {
      if (mayGoOn()) await removeAssignments();
      if (mayGoOn()) await forgetContentKeys();
      if (mayGoOn()) await releaseTrees();
    } catch (error) {
      onError(error);
    }
  }

  return {
    tidy() {
      running ??= round().finally(() => {
        running = null;
      });
      return running;
    },
    async close() {
      closed = true;
      await running;
    },
  };
}
