// A node's identity on disk: its private key (0600) and one file with name, certificate, authorities and CCM. A join and a renewal make a
// next key first, then replace that file as a whole, which is the moment it happens, then give the key its name (KEYS-4).

import { type KeyObject, X509Certificate } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { isOrigin } from '../../net/join/join-token.ts';
import { nameSchema } from '../../net/link/field-schemas.ts';
import { readIfThere } from '../../net/read-if-there.ts';
import { closeSecretDirectory } from '../../net/secret-directory.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../../net/tls/key-pair.ts';

const schema = z.strictObject({
  version: z.literal(1),
  name: nameSchema,
  ccmUrl: z.string().refine(isOrigin),
  /** PEM. */
  certificate: z.string().max(8_192),
  /** The CCM's authorities that are believed, newest first. PEM, one after another. */
  ca: z.string().max(8_192),
  joinedAt: z.string().max(32),
  /** SHA-256 of the secret it joined with, so that a repeated join is known. */
  joinSecretHash: z.string().regex(/^[0-9a-f]{64}$/),
  /** Whose tunnel it joined through: it may have no other way to the CCM. */
  via: z
    .strictObject({ address: z.string().min(1).max(256), port: z.int().min(1).max(65_535) })
    .exactOptional(),
});

export type NodeIdentity = z.output<typeof schema>;

export interface OpenedIdentity {
  readonly identity: NodeIdentity;
  readonly key: KeyObject;
}

const fileOf = (directory: string, name: string): string => join(directory, 'identity', name);
const identityFile = 'node.json';
const keyFile = 'key.pem';
const nextKeyFile = 'next-key.pem';

/** The key that the next certificate is asked for; kept until there is one, so that a repeated request is the same. */
export async function openNextKey(directory: string): Promise<KeyObject> {
  const path = fileOf(directory, nextKeyFile);
  const pem = await readIfThere(path);
  if (pem !== undefined) return importPrivateKey(pem, path);
  await closeSecretDirectory(join(directory, 'identity'));
  const key = generatePrivateKey();
  await writeFileAtomic(path, exportPrivateKey(key), 0o600);
  failpoint('agent.join.key-written');
  return key;
}

/** Undefined before the first join. Throws STATE_CORRUPT. */
export async function readNodeIdentity(directory: string): Promise<NodeIdentity | undefined> {
  const path = fileOf(directory, identityFile);
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

/** With the key that belongs to the certificate, whatever was interrupted when. Throws STATE_CORRUPT when it is gone. */
export async function openNodeIdentity(directory: string): Promise<OpenedIdentity | undefined> {
  const identity = await readNodeIdentity(directory);
  if (identity === undefined) return undefined;
  for (const file of [keyFile, nextKeyFile]) {
    const path = fileOf(directory, file);
    const pem = await readIfThere(path);
    const key = pem === undefined ? undefined : importPrivateKey(pem, path);
    if (key === undefined || !isKeyOf(identity, key)) continue;
    if (file === nextKeyFile) await nameNextKey(directory);
    return { identity, key };
  }
  throw new TreecastError(
    'STATE_CORRUPT',
    `${fileOf(directory, keyFile)} is not the key of the node’s certificate.`,
    {
      fix: 'Restore the file, or join again with `treecast agent join` and a new token.',
    },
  );
}

/** The identity that was asked for with the next key becomes the node's. */
export async function adoptIdentity(directory: string, identity: NodeIdentity): Promise<void> {
  await writeNodeIdentity(directory, identity);
  await nameNextKey(directory);
}

async function nameNextKey(directory: string): Promise<void> {
  await rename(fileOf(directory, nextKeyFile), fileOf(directory, keyFile));
  failpoint('agent.identity.key-named');
}

/** The same certificate, with other authorities. */
export async function writeNodeIdentity(directory: string, identity: NodeIdentity): Promise<void> {
  await writeFileAtomic(fileOf(directory, identityFile), `${JSON.stringify(identity, null, 2)}\n`, 0o600);
  failpoint('agent.join.identity-written');
}

function isKeyOf({ certificate }: NodeIdentity, key: KeyObject): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(key);
  } catch {
    return false;
  }
}
