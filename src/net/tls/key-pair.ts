// Ed25519 key pairs as @peculiar/x509 wants them, made from and kept as PEM.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';
import { TreecastError } from '../../model/treecast-error.ts';

export const ed25519 = { name: 'Ed25519' } as const;

export function generatePrivateKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

export function exportPrivateKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Throws STATE_CORRUPT when the text is not an Ed25519 private key; `name` is what the message calls it. */
export function importPrivateKey(pem: string, name: string): KeyObject {
  let key: KeyObject | undefined;
  let cause: unknown;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    cause = error;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new TreecastError('STATE_CORRUPT', `${name} is not an Ed25519 private key in PEM.`, {
    cause,
    fix: 'Restore the file from a backup of the state directory.',
  });
}

export function webKeyPair(privateKey: KeyObject): webcrypto.CryptoKeyPair {
  return {
    privateKey: privateKey.toCryptoKey(ed25519, true, ['sign']),
    publicKey: createPublicKey(privateKey).toCryptoKey(ed25519, true, ['verify']),
  };
}
