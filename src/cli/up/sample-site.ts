// The site that `up` brings along: `sample`, branch `main`, every node, an empty repository.

import type { Client } from '../../client/client.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export const sampleSite = 'sample';
export const sampleBranch = 'main';

export async function ensureSampleSite(client: Client): Promise<void> {
  try {
    await client.sites.create({ name: sampleSite, branch: sampleBranch });
  } catch (error) {
    if (!(error instanceof TreecastError) || error.code !== 'ALREADY_EXISTS') throw error;
  }
}
