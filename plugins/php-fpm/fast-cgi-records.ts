// FastCGI's wire format, one responder request at a time: records in, records out, pure. It opens no connection.

import { PluginError } from 'treecast/plugin';

export const recordTypes = {
  beginRequest: 1,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
} as const;

export interface FastCgiRecord {
  readonly type: number;
  readonly requestId: number;
  readonly content: Buffer;
}

const version = 1;
const headerBytes = 8;
const contentBytesMax = 65_535;
const shortLengthMax = 127;
const responderRole = 1;
/** The only request of its connection. */
export const requestId = 1;

/** One or more records: content longer than a record holds is split. */
export function encodeRecords(type: number, content: Uint8Array): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  do {
    const part = content.subarray(at, at + contentBytesMax);
    const header = Buffer.alloc(headerBytes);
    header.writeUInt8(version, 0);
    header.writeUInt8(type, 1);
    header.writeUInt16BE(requestId, 2);
    header.writeUInt16BE(part.length, 4);
    pieces.push(header, Buffer.from(part));
    at += contentBytesMax;
  } while (at < content.length);
  return Buffer.concat(pieces);
}

export function encodeParams(params: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(params).flatMap(([name, value]) => {
      const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
      return [encodeLength(nameBytes.length), encodeLength(valueBytes.length), nameBytes, valueBytes];
    }),
  );
}

/** A whole request without a body; the server closes the connection after its answer. */
export function encodeRequest(params: Readonly<Record<string, string>>): Buffer {
  const begin = Buffer.alloc(8);
  begin.writeUInt16BE(responderRole, 0);
  const encoded = encodeParams(params);
  const end = Buffer.alloc(0);
  return Buffer.concat([
    encodeRecords(recordTypes.beginRequest, begin),
    ...(encoded.length === 0 ? [] : [encodeRecords(recordTypes.params, encoded)]),
    encodeRecords(recordTypes.params, end),
    encodeRecords(recordTypes.stdin, end),
  ]);
}

/** Takes bytes as they come; gives the records that are complete. Throws when they are not FastCGI. */
export function createRecordDecoder(): (bytes: Uint8Array) => FastCgiRecord[] {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const records: FastCgiRecord[] = [];
    for (;;) {
      if (rest.length > 0 && rest[0] !== version) throw notFastCgi();
      if (rest.length < headerBytes) return records;
      const contentBytes = rest.readUInt16BE(4);
      const wholeBytes = headerBytes + contentBytes + rest.readUInt8(6);
      if (rest.length < wholeBytes) return records;
      records.push({
        type: rest.readUInt8(1),
        requestId: rest.readUInt16BE(2),
        content: rest.subarray(headerBytes, headerBytes + contentBytes),
      });
      rest = rest.subarray(wholeBytes);
    }
  };
}

function encodeLength(length: number): Buffer {
  if (length <= shortLengthMax) return Buffer.from([length]);
  const long = Buffer.alloc(4);
  long.writeUInt32BE((length | 0x80_00_00_00) >>> 0);
  return long;
}

function notFastCgi(): PluginError {
  return new PluginError('what answers there does not speak FastCGI', {
    fix: 'Give the `listen` address of the PHP-FPM pool, not that of a web server.',
    retryable: false,
  });
}
