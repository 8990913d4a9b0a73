// What mod_rewrite asks which release is live: a small file in the site's directory, which web servers may read. Apache reads it again
// whenever its time differs, without a reload.

import { rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError, replaceFile, type SiteOnNode, type TreeOnNode } from 'treecast/plugin';

export interface LiveMap {
  fileOf(site: SiteOnNode): string;
  /** From here on every request finds this release; null: they follow the live link. */
  write(site: SiteOnNode, live: TreeOnNode | null): Promise<void>;
  remove(site: SiteOnNode): Promise<void>;
}

export function createLiveMap(instance: string): LiveMap {
  const fileOf = ({ directory }: SiteOnNode): string => join(directory, `${instance}.map`);
  return {
    fileOf,
    async write(site, live) {
      const file = fileOf(site);
      const value = live === null ? '' : `live ${live.release}:${live.tree}\n`;
      try {
        const before = await stat(file).then(
          ({ mtimeMs }) => mtimeMs,
          () => 0,
        );
        await replaceFile(file, `# ${site.site}: which release is live\n${value}`, 0o644);
        // The clock of file times stands still for milliseconds: two switches may not have the same.
        const at = Math.max(Date.now(), Math.floor(before) + 1) / 1000;
        await utimes(file, at, at);
      } catch (cause) {
        throw new PluginError(`${file} could not be written: ${String(cause)}`, {
          cause,
          fix: 'Make room, and let the agent’s user write there; Apache serves the former release until then.',
        });
      }
    },
    remove: (site) => rm(fileOf(site), { force: true }),
  };
}
