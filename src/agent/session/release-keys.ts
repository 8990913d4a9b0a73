// The CCM's release-signing keys that this node believes: the first ones it was told, and those that they vouch for (KEYS-11).

import { createPublicKey, type KeyObject } from 'node:crypto';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import { verifyBytes } from '../../assignment/signed.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { keyIdOf } from '../../net/keys/key-statement.ts';

export interface ReleaseKeys {
  /**
   * As a welcome names them, SPKI in PEM. The first ones ever are believed (the join token's CA vouches for who says so); later ones are only
   * when they are among the believed ones or were vouched for. Throws RELEASE_KEY_UNKNOWN or MESSAGE_INVALID, and then changes nothing.
   */
  replace(pems: readonly string[]): void;
  /** Believed keys have signed statements for these: the next welcome may name them. */
  vouchedFor(pems: readonly string[]): void;
  pems(): readonly string[];
  keys(): readonly KeyObject[];
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
  verifyDecision(decision: SignedDecision): boolean;
}

export function createReleaseKeys(initial: readonly string[]): ReleaseKeys {
  let pems = initial;
  let keys: readonly KeyObject[] = initial.map(importKey);
  let vouched: readonly string[] = [];
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
      if (next.length === 0) return;
      if (next.length === pems.length && next.every((pem, index) => pem === pems[index])) return;
      const nextKeys = next.map(importKey);
      const believed = new Set([...pems, ...vouched].map((pem) => keyIdOf('release', pem)));
      if (pems.length > 0 && !next.every((pem) => believed.has(keyIdOf('release', pem)))) throw unknownKey();
      keys = nextKeys;
      pems = [...next];
      vouched = [];
      last = undefined;
    },
    vouchedFor(next) {
      vouched = next;
    },
    pems: () => pems,
    keys: () => keys,
    verify,
    verifyDecision(decision) {
      const { signature, ...signed } = decision;
      return verify(Buffer.from(canonicalJson(signed)), Buffer.from(signature, 'base64'));
    },
  };
}

function unknownKey(): TreecastError {
  return new TreecastError(
    'RELEASE_KEY_UNKNOWN',
    'The CCM names a release key that this node has no reason to believe.',
    {
      fix: 'The agent asks for the statements of the keys between. If this stays, the CCM’s keys are not those of before: restore them, or join the node again.',
    },
  );
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
