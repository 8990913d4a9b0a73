// Which segment a node remembers: after its first words with the CCM it moves to where that has put it, and leads or follows there anew.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Null: none yet. `home` has the directories of all programs. */
export async function keptSegment(home: string, node: string): Promise<string | null> {
  const text = await readFile(join(home, node, 'segment/segment.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as { segment: string }).segment;
}
