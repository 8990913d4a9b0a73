// What a node remembers of the CCM's last word between runs: its sites' grants and the release keys (0600: it has content keys).
// Decisions are not kept here; the stores remember them.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import type { SiteGrant } from '../../model/messages.ts';
import { defaultSitePolicy, namePattern } from '../../model/site.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { releaseKeysSchema, siteGrantSchema } from '../../net/link/ccm-message-schema.ts';
import { sitesMax } from '../../net/link/limits.ts';

export interface KnownSites {
  readonly releaseKeys: readonly string[];
  readonly grants: readonly SiteGrant[];
}

export interface KnownSitesFile {
  read(): Promise<KnownSites>;
  /** Written when it differs from what is there; calls are carried out in order. */
  write(known: KnownSites): Promise<void>;
}

const schema = z.strictObject({
  version: z.literal(1),
  releaseKeys: releaseKeysSchema,
  grants: z.array(siteGrantSchema).max(sitesMax),
});

export function openKnownSites(directory: string): KnownSitesFile {
  const path = join(directory, 'identity', 'sites.json');
  let written = '';
  let writing: Promise<void> = Promise.resolve();
  return {
    async read() {
      try {
        const text = await readFile(path, 'utf8');
        const { releaseKeys, grants } = schema.parse(JSON.parse(text));
        written = text;
        return { releaseKeys, grants };
      } catch {
        // Missing or damaged: the next welcome says it all again.
        return { releaseKeys: [], grants: [] };
      }
    },
    write({ releaseKeys, grants }) {
      const kept = grants.map((grant) => ({ ...grant, lastDecision: null }));
      const text = `${JSON.stringify({ version: 1, releaseKeys, grants: kept })}\n`;
      if (text === written) return writing;
      written = text;
      writing = writing
        .catch(() => undefined)
        .then(() => writeFileAtomic(path, text, 0o600))
        .then(() => failpoint('agent.grants.written'))
        .catch((error: unknown) => {
          // It is not there: the next call writes it, also when it says the same.
          if (written === text) written = '';
          throw error;
        });
      return writing;
    },
  };
}

/** For a node that joins anew: it believes whoever its new CCM's first welcome names. */
export async function forgetReleaseKeys(directory: string): Promise<void> {
  const known = openKnownSites(directory);
  const { releaseKeys, grants } = await known.read();
  if (releaseKeys.length > 0) await known.write({ releaseKeys: [], grants });
}

/** Sites that have a journal under `root`, granted or not: what the node holds is the truth, also when grants were lost. */
export async function sitesOnDisk(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => entry.isDirectory() && namePattern.test(entry.name));
  return names.map((entry) => entry.name).sort();
}

/** For a site on disk whose grant is not known: opens what is there, and nothing sealed. */
export function grantWithoutKeys(site: string): SiteGrant {
  const { autonomous, fileMode, executableMode, directoryMode } = defaultSitePolicy;
  return {
    site,
    contentKeys: [],
    policy: { autonomous, fileMode, executableMode, directoryMode },
    lastDecision: null,
  };
}
