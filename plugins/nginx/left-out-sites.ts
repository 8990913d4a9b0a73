// The sites whose file was included by nothing when they were attached, kept over restarts: once it is included, nginx is owed a reload
// that no change of the file asks for. Whether a file is included is surroundings.ts's to see.

import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from 'treecast/plugin';

export interface LeftOutSites {
  has(site: string): Promise<boolean>;
  set(site: string, isLeftOut: boolean): Promise<void>;
}

export function createLeftOutSites(stateDirectory: string): LeftOutSites {
  const directory = join(stateDirectory, 'left-out');
  const markerOf = (site: string): string => join(directory, site);

  async function has(site: string): Promise<boolean> {
    try {
      await access(markerOf(site));
      return true;
    } catch {
      return false;
    }
  }

  return {
    has,
    set: async (site, isLeftOut) => {
      if (isLeftOut === (await has(site))) return;
      if (!isLeftOut) return rm(markerOf(site), { force: true });
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await replaceFile(markerOf(site), '', 0o600);
    },
  };
}
