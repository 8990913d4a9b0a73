// The CCM's keys on disk: its private CA and the release-signing key, in `keys/` (0700, keys 0600).

import { createPublicKey, type KeyObject } from 'node:crypto';
import { access, chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../faults/failpoint.ts';
import { writeFileAtomic } from '../net/atomic-file.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../net/tls/certificate-authority.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../net/tls/key-pair.ts';

export interface CcmKeys {
  readonly certificates: CertificateAuthority;
  /** Signs assignments, decisions and tickets. */
  readonly releaseKey: KeyObject;
  readonly releasePublicKey: KeyObject;
}

/** Opens the keys kept in the CCM's state directory, or makes them. */
export async function openCcmKeys(directory: string): Promise<CcmKeys> {
  const keys = join(directory, 'keys');
  await mkdir(keys, { recursive: true, mode: 0o700 });
  await chmod(keys, 0o700);
  const certificates = await createCertificateAuthority(keys);
  const path = join(keys, 'release-key.pem');
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await writeFileAtomic(path, exportPrivateKey(generatePrivateKey()), 0o600);
    failpoint('ccm.keys.release-key-written');
  }
  const releaseKey = importPrivateKey(await readFile(path, 'utf8'), path);
  return { certificates, releaseKey, releasePublicKey: createPublicKey(releaseKey) };
}
