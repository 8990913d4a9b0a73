// Secrets that are shown once and kept as a hash: how they are made, and what is kept.

import { hash, randomBytes } from 'node:crypto';

/** 32 random bytes as 43 characters of base64url, after a prefix that says what it is. */
export function createSecret(prefix: string): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** SHA-256, 64 hex digits. The secrets have 256 random bits, so no slow hash is needed. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret);
}

/** A short random id that is no secret. */
export function createId(prefix: string): string {
  return prefix + randomBytes(6).toString('hex');
}
