// Sealing of blocks (ASG-24, ASG-25): AES-256-GCM, nonce = block index, under a data key that is fresh for each assignment.
// The data key travels wrapped (RFC 3394) under the site's content key. A data key must never seal two different files.

import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { AssignmentHeader } from '../model/assignment.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { corruptBlock, tagBytes } from './block-layout.ts';

export const keyBytes = 32;
const wrappedKeyBytes = keyBytes + 8;

/** A site's content key; `key` is 32 bytes, base64 (as in a SiteGrant). */
export interface ContentKey {
  readonly id: string;
  readonly key: string;
}

/** Ciphertext followed by the tag: the block as it travels. */
export function sealBlock(dataKey: Uint8Array, index: number, payload: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonceOf(index));
  const head = cipher.update(payload);
  const tail = cipher.final();
  return Buffer.concat([head, tail, cipher.getAuthTag()], payload.length + tagBytes);
}

/** Throws ASSIGNMENT_BLOCK_CORRUPT when the block was not sealed with this key at this index. */
export function unsealBlock(dataKey: Uint8Array, index: number, sealed: Uint8Array): Buffer {
  if (sealed.length <= tagBytes) throw corruptBlock(index, 'it is too short to be sealed');
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv('aes-256-gcm', dataKey, nonceOf(index), { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(end));
  const payload = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    throw corruptBlock(index, 'it was not sealed with this key');
  }
  return payload;
}

/** The data key as the header carries it, base64. */
export function wrapKey(dataKey: Uint8Array, contentKey: ContentKey): string {
  const cipher = createCipheriv('id-aes256-wrap', contentKeyBytes(contentKey), wrapIv);
  return Buffer.concat([cipher.update(dataKey), cipher.final()]).toString('base64');
}

/**
 * The data key of an assignment, opened with whichever of the node's content keys it was wrapped under; null when nothing is sealed.
 * Throws ASSIGNMENT_KEY_UNKNOWN when no key with that id is held or the key does not open it.
 */
export function openDataKey(
  header: Pick<AssignmentHeader, 'key'>,
  contentKeys: readonly ContentKey[],
): Buffer | null {
  const { key } = header;
  if (key === null) return null;
  const contentKey = contentKeys.find((candidate) => candidate.id === key.contentKeyId);
  if (contentKey === undefined) throw unknownKey(`this node holds no content key ${key.contentKeyId}`);
  const wrapped = Buffer.from(key.wrapped, 'base64');
  if (wrapped.length !== wrappedKeyBytes) throw unknownKey('the wrapped key has the wrong length');
  try {
    const decipher = createDecipheriv('id-aes256-wrap', contentKeyBytes(contentKey), wrapIv);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch (cause) {
    throw unknownKey(`the content key ${key.contentKeyId} does not open it`, cause);
  }
}

/** RFC 3394, section 2.2.3.1. */
const wrapIv = Buffer.alloc(8, 0xa6);

function contentKeyBytes({ id, key }: ContentKey): Buffer {
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length !== keyBytes)
    throw unknownKey(`the content key ${id} has ${bytes.length} bytes, not ${keyBytes}`);
  return bytes;
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 8);
  return nonce;
}

function unknownKey(what: string, cause?: unknown): TreecastError {
  return new TreecastError('ASSIGNMENT_KEY_UNKNOWN', `the assignment's data key cannot be opened: ${what}`, {
    cause,
    fix: 'The node needs the current grant of its site; reconnecting to the CCM fetches it.',
  });
}
