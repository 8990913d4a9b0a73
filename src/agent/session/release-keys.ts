// The CCM's release-signing keys that this node believes, as the last welcome gave them.

import { createPublicKey, type KeyObject } from 'node:crypto';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import { verifyBytes } from '../../assignment/signed.ts';
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
  /** A decision is checked where it arrives and again by the store: the second time costs a comparison. */
  let last: { readonly bytes: Uint8Array; readonly signature: Uint8Array } | undefined;

  function verify(bytes: Uint8Array, signature: Uint8Array): boolean {
    if (last !== undefined && isEqual(last.bytes, bytes) && isEqual(last.signature, signature)) return true;
    if (!verifyBytes(bytes, signature, keys)) return false;
    last = { bytes, signature };
    return true;
  }

  return {
    replace(next) {
      if (next.length === pems.length && next.every((pem, index) => pem === pems[index])) return;
      keys = next.map(importKey);
      pems = [...next];
      last = undefined;
    },
    pems: () => pems,
    verify,
    verifyDecision(decision) {
      const { signature, ...signed } = decision;
      return verify(Buffer.from(canonicalJson(signed)), Buffer.from(signature, 'base64'));
    },
  };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
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
