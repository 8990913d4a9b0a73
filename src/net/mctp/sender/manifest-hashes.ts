// SHA-256 of each block of a manifest, as an announcement names them.

import { hash } from 'node:crypto';
import { blockBytes } from '../../../model/assignment.ts';

export function manifestHashes(manifest: Buffer | null): string[] {
  const hashes: string[] = [];
  if (manifest === null) return hashes;
  for (let at = 0; at < manifest.length; at += blockBytes)
    hashes.push(hash('sha256', manifest.subarray(at, at + blockBytes)));
  return hashes;
}
