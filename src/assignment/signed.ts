// Ed25519 signatures over the canonical JSON of an object without its `signature`; how decisions and receipts are signed.
// Which keys are trusted is the caller's decision.

import { type KeyObject, sign, verify } from 'node:crypto';
import { TreecastError } from '../model/treecast-error.ts';
import { canonicalJson } from './canonical-json.ts';

const signatureBytes = 64;

/** The object with its `signature` (base64). A signature that is already there is replaced. */
export function signObject<T extends object>(
  object: T,
  privateKey: KeyObject,
): T & { readonly signature: string } {
  return { ...object, signature: sign(null, signedBytesOf(object), privateKey).toString('base64') };
}

/** True when one of the keys made the signature. An object without a canonical form is not validly signed by anyone. */
export function verifyObject<T extends { readonly signature: string }>(
  object: T,
  keys: KeyObject | readonly KeyObject[],
): boolean {
  if (typeof object.signature !== 'string') return false;
  let bytes: Buffer;
  try {
    bytes = signedBytesOf(object);
  } catch (error) {
    if (error instanceof TreecastError) return false;
    throw error;
  }
  const signature = Buffer.from(object.signature, 'base64');
  if (signature.toString('base64') !== object.signature) return false;
  return verifyBytes(bytes, signature, keys);
}

/** Ed25519 over raw bytes; also the `verifySignature` that readers of assignments take: `(bytes, s) => verifyBytes(bytes, s, keys)`. */
export function verifyBytes(
  bytes: Uint8Array,
  signature: Uint8Array,
  keys: KeyObject | readonly KeyObject[],
): boolean {
  if (signature.length !== signatureBytes) return false;
  const list: readonly KeyObject[] = Array.isArray(keys) ? keys : [keys as KeyObject];
  return list.some((key) => key.asymmetricKeyType === 'ed25519' && verify(null, bytes, key, signature));
}

function signedBytesOf(object: object): Buffer {
  const { signature: _, ...rest } = object as { signature?: unknown };
  return Buffer.from(canonicalJson(rest));
}
