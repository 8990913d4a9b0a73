// Where one zstd frame ends (RFC 8878, section 3.1.1), found by walking its block headers without decompressing anything.

const magicNumber = 0xfd2fb528;
const blockHeaderBytes = 3;
const contentSizeBytes = [0, 2, 4, 8] as const;
const dictionaryIdBytes = [0, 1, 2, 4] as const;

/** The length in bytes of the frame that starts at `start`; undefined when none lies there whole. */
export function zstdFrameBytes(bytes: Uint8Array, start: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (start + 5 > bytes.length || view.getUint32(start, true) !== magicNumber) return undefined;
  const descriptor = view.getUint8(start + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeFlag = descriptor >> 6;
  let at = start + 5;
  if (!singleSegment) at += 1;
  at += dictionaryIdBytes[(descriptor & 3) as 0 | 1 | 2 | 3];
  at += singleSegment && contentSizeFlag === 0 ? 1 : contentSizeBytes[contentSizeFlag as 0 | 1 | 2 | 3];
  for (;;) {
    if (at + blockHeaderBytes > bytes.length) return undefined;
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    const type = (header >> 1) & 3;
    if (type === 3) return undefined;
    // A run-length block has one byte of content whatever its size says.
    at += blockHeaderBytes + (type === 1 ? 1 : header >> 3);
    if ((header & 1) === 1) break;
  }
  if ((descriptor & 4) !== 0) at += 4;
  return at <= bytes.length ? at - start : undefined;
}
