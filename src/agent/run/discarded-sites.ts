// Deletes the directory of a site that left this node (LINK-20), behind a name that no site has, so that its own is free at once.
// What somebody swaps in meanwhile is not followed (STG-32). Decides nothing about which site goes.

import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../../faults/failpoint.ts';
import { runInSlices } from '../../slices/slices.ts';
import { createDisk } from '../store/disk.ts';
import { removeTree } from '../store/removal.ts';

export interface DiscardedSites {
  discard(site: string): Promise<void>;
  /** Sites whose files were on their way out when the agent was killed. */
  removeLeftovers(): Promise<void>;
}

/** No site is called so. */
const prefix = '.removed-';

export function createDiscardedSites(root: string, disk = createDisk()): DiscardedSites {
  return {
    async discard(site) {
      const discarded = join(root, `${prefix}${site}-${process.pid}-${Date.now()}`);
      await rename(join(root, site), discarded);
      failpoint('agent.site.set-aside');
      await runInSlices(removeTree(disk, discarded));
      failpoint('agent.site.removed');
    },
    async removeLeftovers() {
      for (const name of await readdir(root)) {
        if (!name.startsWith(prefix)) continue;
        await runInSlices(removeTree(disk, join(root, name)));
        failpoint('agent.site.leftover-removed');
      }
    },
  };
}
