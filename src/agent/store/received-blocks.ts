// What an inbox holds of an assignment that is being received, as others may take it: whole blocks that were checked when they came.

import { blockCount, blockRange } from '../../assignment/block-layout.ts';
import type { Disk } from './disk.ts';
import type { ReceivedAssignment } from './inbox.ts';
import type { ReceivedBlocks } from './site-store.ts';

export function receivedBlocks(disk: Disk, received: ReceivedAssignment | undefined): ReceivedBlocks | null {
  if (received === undefined) return null;
  const { header, manifest } = received;
  const has = (index: number): boolean =>
    Number.isInteger(index) && index >= 0 && index < blockCount(header) && received.has(index);
  return {
    header,
    manifest: manifest.bytes,
    has,
    read(index) {
      if (!has(index)) return null;
      const { offset, length } = blockRange(header, index);
      const source = received.source();
      if (source instanceof Uint8Array) return Buffer.from(source.subarray(offset, offset + length));
      const bytes = Buffer.allocUnsafe(length);
      return disk.read(source.fd, bytes, offset) === length ? bytes : null;
    },
  };
}
