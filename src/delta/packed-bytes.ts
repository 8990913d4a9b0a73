// Many byte strings in one ArrayBuffer, so that a job crosses to a worker and back by transfer: one buffer, nothing shared,
// nothing of the caller's detached.

export interface PackedBytes {
  readonly buffer: ArrayBuffer;
  /** Start and length of each, alternating. */
  readonly ranges: readonly number[];
}

export function packBytes(parts: readonly Uint8Array[]): PackedBytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  const ranges: number[] = [];
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    ranges.push(at, part.length);
    at += part.length;
  }
  return { buffer: all.buffer, ranges };
}

/** Views into the packed buffer. */
export function unpackBytes({ buffer, ranges }: PackedBytes): Buffer[] {
  const parts: Buffer[] = [];
  for (let i = 0; i < ranges.length; i += 2) parts.push(Buffer.from(buffer, ranges[i], ranges[i + 1]));
  return parts;
}
