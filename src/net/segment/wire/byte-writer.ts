// Writes the fields of a datagram one after another, big-endian. A value out of a field's bounds is this program's mistake: RangeError.

export interface ByteWriter {
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  u48(value: number): void;
  /** Eight bytes, for integers up to 2^53 - 1. */
  u64(value: number): void;
  /** Any finite number. */
  f64(value: number): void;
  boolean(value: boolean): void;
  /** UTF-8 behind a length of one byte. */
  text(value: string): void;
  bytes(value: Uint8Array): void;
  result(): Buffer;
}

export function createByteWriter(bytesMax: number): ByteWriter {
  const buffer = Buffer.alloc(bytesMax);
  let at = 0;
  const step = (bytes: number): number => {
    const from = at;
    at += bytes;
    return from;
  };
  const writer: ByteWriter = {
    u8: (value) => void buffer.writeUInt8(value, step(1)),
    u16: (value) => void buffer.writeUInt16BE(value, step(2)),
    u32: (value) => void buffer.writeUInt32BE(value, step(4)),
    u48: (value) => void buffer.writeUIntBE(value, step(6), 6),
    u64(value) {
      if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number to send`);
      buffer.writeBigUInt64BE(BigInt(value), step(8));
    },
    f64(value) {
      if (!Number.isFinite(value)) throw new RangeError(`${value} is no number to send`);
      buffer.writeDoubleBE(value, step(8));
    },
    boolean: (value) => writer.u8(value ? 1 : 0),
    text(value) {
      const encoded = Buffer.from(value);
      writer.u8(encoded.length);
      writer.bytes(encoded);
    },
    bytes(value) {
      if (at + value.length > bytesMax) throw new RangeError('the message is longer than a datagram may be');
      buffer.set(value, step(value.length));
    },
    result: () => buffer.subarray(0, at),
  };
  return writer;
}
