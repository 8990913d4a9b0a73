// A node's identity on disk: its private key (0600), made once, and one file with name, certificate, CA and CCM.
// The second is replaced as a whole, so a join either happened or did not.

import type { KeyObject } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { isOrigin } from '../../net/join/join-token.ts';
import { nameSchema } from '../../net/link/field-schemas.ts';
import { readIfThere } from '../../net/read-if-there.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../../net/tls/key-pair.ts';

const schema = z.strictObject({
  version: z.literal(1),
  name: nameSchema,
  ccmUrl: z.string().refine(isOrigin),
  /** PEM. */
  certificate: z.string().max(8_192),
  ca: z.string().max(8_192),
  joinedAt: z.string().max(32),
  /** SHA-256 of the secret it joined with, so that a repeated join is known. */
  joinSecretHash: z.string().regex(/^[0-9a-f]{64}$/),
});

export type NodeIdentity = z.output<typeof schema>;

const identityPath = (directory: string): string => join(directory, 'identity', 'node.json');

/** The node's key, made when there is none. */
export async function openNodeKey(directory: string): Promise<KeyObject> {
  const folder = join(directory, 'identity');
  const path = join(folder, 'key.pem');
  const pem = await readIfThere(path);
  if (pem !== undefined) return importPrivateKey(pem, path);
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700);
  const key = generatePrivateKey();
  await writeFileAtomic(path, exportPrivateKey(key), 0o600);
  failpoint('agent.join.key-written');
  return key;
}

/** Undefined before the first join. Throws STATE_CORRUPT. */
export async function readNodeIdentity(directory: string): Promise<NodeIdentity | undefined> {
  const path = identityPath(directory);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new TreecastError('STATE_CORRUPT', `${path} cannot be read.`, {
      cause,
      fix: 'Join again with `treecast agent join` and a new token.',
    });
  }
}

export async function writeNodeIdentity(directory: string, identity: NodeIdentity): Promise<void> {
  await writeFileAtomic(identityPath(directory), `${JSON.stringify(identity, null, 2)}\n`, 0o600);
  failpoint('agent.join.identity-written');
}
