// What `up` remembers in its state directory, so that a second start is the same again: ports, and names of nodes.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';

/** Everything that `up` starts listens here only. */
export const upHost = '127.0.0.1';

const port = z.int().min(1).max(65_535);
const upStateSchema = z.strictObject({
  version: z.literal(1),
  port,
  agentPort: port,
  /** How many of `nodes`, from the first, the last start ran. */
  agents: z.int().min(0),
  nodes: z.array(z.strictObject({ name: z.string(), port })),
});

export type UpState = z.output<typeof upStateSchema>;

/** Undefined before the first start. */
export async function readUpState(directory: string): Promise<UpState | undefined> {
  const path = join(directory, 'up.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
  try {
    return upStateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TreecastError('STATE_CORRUPT', `${path} is not what \`treecast up\` wrote.`, {
      cause,
      fix: 'Delete that file (only port numbers are lost), or use another --dir.',
    });
  }
}

export async function writeUpState(directory: string, state: UpState): Promise<void> {
  await writeFileAtomic(join(directory, 'up.json'), `${JSON.stringify(state, null, 2)}\n`, 0o600);
}
