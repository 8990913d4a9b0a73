// Reads what a byte writer wrote. Whatever does not fit throws Malformed, which never leaves this folder: strangers' bytes are no surprise.

/** The bytes are no message of this version. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

export interface ByteReader {
  u8(): number;
  u16(): number;
  u32(): number;
  u48(): number;
  u64(): number;
  f64(): number;
  boolean(): boolean;
  /** As long as `pattern` says; anything that is not UTF-8 in its one spelling is malformed. */
  text(pattern: RegExp): string;
  bytes(length: number): Buffer;
  /** Every byte must have been read. */
  end(): void;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function createByteReader(buffer: Buffer): ByteReader {
  let at = 0;
  const step = (bytes: number): number => {
    const from = at;
    at += bytes;
    if (at > buffer.length) throw new Malformed('it ends in the middle');
    return from;
  };
  const reader: ByteReader = {
    u8: () => buffer.readUInt8(step(1)),
    u16: () => buffer.readUInt16BE(step(2)),
    u32: () => buffer.readUInt32BE(step(4)),
    u48: () => buffer.readUIntBE(step(6), 6),
    u64() {
      const value = buffer.readBigUInt64BE(step(8));
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed('a number is too large');
      return Number(value);
    },
    f64() {
      const value = buffer.readDoubleBE(step(8));
      if (!Number.isFinite(value)) throw new Malformed('a number is none');
      // There is one zero.
      if (Object.is(value, -0)) throw new Malformed('a zero has a sign');
      return value;
    },
    boolean() {
      const value = reader.u8();
      if (value > 1) throw new Malformed('a yes or no is neither');
      return value === 1;
    },
    text(pattern) {
      const encoded = reader.bytes(reader.u8());
      let value: string;
      try {
        value = utf8.decode(encoded);
      } catch {
        throw new Malformed('a text is not UTF-8');
      }
      if (!pattern.test(value)) throw new Malformed('a text is not what it should be');
      return value;
    },
    bytes(length) {
      const from = step(length);
      return buffer.subarray(from, from + length);
    },
    end() {
      if (at !== buffer.length) throw new Malformed('it goes on behind its end');
    },
  };
  return reader;
}
