// The CCM's keys: its private CA and the release-signing key, in `keys/` (0700, keys 0600), and how they are rotated (KEYS-9 to KEYS-11).
// A rotation makes the next key in full, then replaces the history, then gives the key its name; a start finishes what was interrupted.

import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { type KeyKind, keyIdOf, stateNextKey } from '../../net/keys/key-statement.ts';
import { readIfThere } from '../../net/read-if-there.ts';
import { closeSecretDirectory } from '../../net/secret-directory.ts';
import {
  type AuthorityOptions,
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../net/tls/certificate-authority.ts';
import { exportPrivateKey, generatePrivateKey, importPrivateKey } from '../../net/tls/key-pair.ts';
import {
  currentKey,
  goodKeys,
  type KeyEntry,
  type KeyHistory,
  newEntry,
  readKeyHistory,
  withNextKey,
  writeKeyHistory,
} from './key-history.ts';

export interface CcmKeys {
  /** Always the current one. */
  readonly certificates: CertificateAuthority;
  /** Signs assignments, decisions and tickets. */
  releaseKey(): KeyObject;
  /** Which one that is. */
  releaseKeyId(): string;
  /** KEYS-11: those that nodes are to believe: the current one and the one before it, unless that was compromised. */
  believedReleaseKeys(): readonly KeyObject[];
  /** All that were not compromised: what was signed long ago is known by them. */
  formerReleaseKeys(): readonly KeyObject[];
  history(): KeyHistory;
  /** Files and directories that others could read until now. */
  readonly lainOpen: readonly string[];
  /** Durable when it resolves; then everything here answers with the new key. */
  rotate(kind: KeyKind, compromised: boolean): Promise<KeyEntry>;
}

export interface CcmKeysOptions extends AuthorityOptions {
  /** Makes what is missing. Otherwise a missing key is STATE_CORRUPT: a new one would lock out every node. */
  readonly create: boolean;
}

const caFile = 'ca.pem';
const caKeyFile = 'ca-key.pem';
const releaseKeyFile = 'release-key.pem';
const nextReleaseKeyFile = 'next-release-key.pem';
const nextCaDirectory = 'next-ca';

/** Throws STATE_CORRUPT when keys are missing or do not belong together. */
export async function openCcmKeys(directory: string, options: CcmKeysOptions): Promise<CcmKeys> {
  const keys = join(directory, 'keys');
  const now = options.now ?? Date.now;
  const opened = await closeSecretDirectory(keys);
  const kept = await readKeyHistory(keys);
  if (kept !== undefined) await finishRotation(keys, kept);
  await rm(join(keys, nextReleaseKeyFile), { force: true });
  await rm(join(keys, nextCaDirectory), { recursive: true, force: true });
  if (!options.create || kept !== undefined) await requireKeys(keys);

  let authority = await createCertificateAuthority(keys, options);
  let releaseKey = await openReleaseKey(join(keys, releaseKeyFile));
  let history: KeyHistory = kept ?? {
    version: 1,
    keys: [
      newEntry('ca', authority.certificate, Date.parse(new X509Certificate(authority.certificate).validFrom)),
      newEntry('release', publicPem(releaseKey), now()),
    ],
    statements: [],
  };
  if (keyIdOf('ca', authority.certificate) !== currentKey(history, 'ca').id) throw otherKeys(keys, caFile);
  if (keyIdOf('release', publicPem(releaseKey)) !== currentKey(history, 'release').id) {
    throw otherKeys(keys, releaseKeyFile);
  }
  let believed = believedOf(history);

  async function rotate(kind: KeyKind, compromised: boolean): Promise<KeyEntry> {
    const former = currentKey(history, kind);
    const formerKey =
      kind === 'release'
        ? releaseKey
        : importPrivateKey(await readFile(join(keys, caKeyFile), 'utf8'), caKeyFile);
    const pem = kind === 'release' ? await makeReleaseKey(keys) : await makeAuthority(keys);
    const next = newEntry(kind, pem, now());
    // A CA that others may have must not vouch for anything; release keys are asked for over verified TLS, so theirs still tells nodes what follows.
    const statement =
      kind === 'ca' && compromised
        ? undefined
        : stateNextKey({ kind, previous: former.id, next: pem, at: next.since }, formerKey);
    const following = withNextKey(history, next, statement, compromised);
    await writeKeyHistory(keys, following);
    await finishRotation(keys, following);
    if (kind === 'ca') authority = await createCertificateAuthority(keys, options);
    else releaseKey = await openReleaseKey(join(keys, releaseKeyFile));
    history = following;
    believed = believedOf(history);
    return next;
  }

  return {
    certificates: {
      get certificate() {
        return authority.certificate;
      },
      get fingerprint() {
        return authority.fingerprint;
      },
      get believed() {
        return believed.authorities;
      },
      issueNodeCertificate: (request, node) => authority.issueNodeCertificate(request, node),
      issueServerIdentity: (hosts) => authority.issueServerIdentity(hosts),
    },
    releaseKey: () => releaseKey,
    releaseKeyId: () => currentKey(history, 'release').id,
    believedReleaseKeys: () => believed.release.slice(0, 2),
    formerReleaseKeys: () => believed.release,
    history: () => history,
    lainOpen: opened,
    rotate,
  };
}

function believedOf(history: KeyHistory) {
  return {
    authorities: goodKeys(history, 'ca').map(({ pem }) => new X509Certificate(pem)),
    release: goodKeys(history, 'release').map(({ pem }) => createPublicKey(pem)),
  };
}

/** The history names the keys that count: where they have not their names yet, they get them. Once they have, nothing is done. */
async function finishRotation(keys: string, history: KeyHistory): Promise<void> {
  const nextKey = await readIfThere(join(keys, nextReleaseKeyFile));
  if (nextKey !== undefined) {
    const id = keyIdOf('release', publicPem(importPrivateKey(nextKey, nextReleaseKeyFile)));
    if (id === currentKey(history, 'release').id) {
      await rename(join(keys, nextReleaseKeyFile), join(keys, releaseKeyFile));
      failpoint('ccm.keys.release-key-named');
    }
  }
  const nextCa = await readIfThere(join(keys, nextCaDirectory, caFile));
  if (nextCa !== undefined && keyIdOf('ca', nextCa) === currentKey(history, 'ca').id) {
    // The certificate goes last: while it is there, this is done again.
    if ((await readIfThere(join(keys, nextCaDirectory, caKeyFile))) !== undefined) {
      await rename(join(keys, nextCaDirectory, caKeyFile), join(keys, caKeyFile));
      failpoint('ccm.keys.authority-key-named');
    }
    await rename(join(keys, nextCaDirectory, caFile), join(keys, caFile));
    failpoint('ccm.keys.authority-named');
  }
}

/** Its public half, PEM. */
async function makeReleaseKey(keys: string): Promise<string> {
  const key = generatePrivateKey();
  await writeFileAtomic(join(keys, nextReleaseKeyFile), exportPrivateKey(key), 0o600);
  failpoint('ccm.keys.next-release-key-written');
  return publicPem(key);
}

/** Its certificate, PEM. */
async function makeAuthority(keys: string): Promise<string> {
  const directory = join(keys, nextCaDirectory);
  await rm(directory, { recursive: true, force: true });
  return (await createCertificateAuthority(directory)).certificate;
}

async function openReleaseKey(path: string): Promise<KeyObject> {
  const pem = await readIfThere(path);
  if (pem !== undefined) return importPrivateKey(pem, path);
  const key = generatePrivateKey();
  await writeFileAtomic(path, exportPrivateKey(key), 0o600);
  failpoint('ccm.keys.release-key-written');
  return key;
}

async function requireKeys(keys: string): Promise<void> {
  for (const file of [caFile, caKeyFile, releaseKeyFile]) {
    if ((await readIfThere(join(keys, file))) !== undefined) continue;
    throw new TreecastError('STATE_CORRUPT', `${join(keys, file)} is missing.`, {
      fix: 'Restore the directory keys/ as a whole from a backup; with new keys every node would have to join again.',
    });
  }
}

function otherKeys(keys: string, file: string): TreecastError {
  return new TreecastError(
    'STATE_CORRUPT',
    `${join(keys, file)} is not the key that history.json names last.`,
    {
      fix: 'Restore the directory keys/ as a whole from a backup.',
    },
  );
}

function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;
}
