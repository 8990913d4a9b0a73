// What plugins on a node did for its newest release of a site, as its signed receipts say. In memory: after a restart of the CCM known
// again with the next release; the agents' logs have all of it.

import type { HookTiming, Receipt } from '../../model/receipt.ts';
import { compareReleases } from '../../model/release.ts';

export interface HookTimings {
  /** A receipt of phase `staged` or `switched`, verified. */
  record(receipt: Receipt): void;
  /** In the order of the calls. */
  of(node: string, site: string): readonly HookTiming[];
}

/** A node may sign whatever it likes: sites that there are not, are not kept. */
export function createHookTimings(isSite: (site: string) => boolean): HookTimings {
  const newest = new Map<
    string,
    { readonly release: Receipt['release']; readonly hooks: readonly HookTiming[] }
  >();
  return {
    record({ node, site, phase, release, hooks = [] }) {
      if (!isSite(site)) return;
      const key = `${node} ${site}`;
      const before = newest.get(key);
      const continues =
        phase === 'switched' &&
        before?.release != null &&
        release !== null &&
        compareReleases(before.release, release) === 0;
      newest.set(key, {
        release,
        hooks: continues ? [...before.hooks.filter(isBeforeSwitch), ...hooks] : hooks,
      });
    },
    of: (node, site) => newest.get(`${node} ${site}`)?.hooks ?? [],
  };
}

/** A switch that is told again replaces what was told of it, not the vote. */
function isBeforeSwitch({ hook }: HookTiming): boolean {
  return hook === 'attach' || hook === 'prepare' || hook === 'beforeSwitch';
}
