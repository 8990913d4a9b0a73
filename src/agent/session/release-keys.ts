// The CCM's release-signing keys that this node believes, as the last welcome gave them.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { verifyBytes, verifyObject } from '../../assignment/signed.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export interface ReleaseKeys {
  /** SPKI in PEM. Throws MESSAGE_INVALID, and then changes nothing, when one of them is not an Ed25519 key. */
  replace(pems: readonly string[]): void;
  pems(): readonly string[];
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
  verifyDecision(decision: SignedDecision): boolean;
}

export function createReleaseKeys(initial: readonly string[]): ReleaseKeys {
  let pems = initial;
  let keys: readonly KeyObject[] = initial.map(importKey);
  return {
    replace(next) {
      if (next.length === pems.length && next.every((pem, index) => pem === pems[index])) return;
      keys = next.map(importKey);
      pems = [...next];
    },
    pems: () => pems,
    verify: (bytes, signature) => verifyBytes(bytes, signature, keys),
    verifyDecision: (decision) => verifyObject(decision, keys),
  };
}

function importKey(pem: string): KeyObject {
  let key: KeyObject | undefined;
  let cause: unknown;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    cause = error;
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new TreecastError('MESSAGE_INVALID', 'A release key is not an Ed25519 public key in PEM.', { cause });
}
