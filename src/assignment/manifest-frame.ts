// The framing of a manifest (ASG-5 to ASG-7): magic, header, body, trailer. Takes bytes apart and puts them together;
// says whether sizes and hash agree, nothing about what header and body mean or who signed them.

import { createHash } from 'node:crypto';
import { TreecastError } from '../model/treecast-error.ts';
import { malformed } from './malformed.ts';

export const manifestBytesMax = 256 * 1024 ** 2;
export const headerBytesMax = 8 * 1024 ** 2;
export const signatureBytes = 64;
const magic = Buffer.from('TCA1');
const trailerBytes = 32 + signatureBytes;
/** Magic, two lengths and the trailer. */
export const frameOverheadBytes = magic.length + 4 + 4 + trailerBytes;

export interface ManifestFrame {
  readonly header: Buffer;
  readonly body: Buffer;
  /** What the signature is over: everything before the trailer. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Views into `bytes`, with the trailer's hash checked. Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_TOO_LARGE, PROTOCOL_VERSION. */
export function splitManifest(bytes: Uint8Array): ManifestFrame {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (all.length > manifestBytesMax) throw tooLarge('manifest', all.length, manifestBytesMax);
  if (all.length < frameOverheadBytes) throw malformed(`a manifest has at least ${frameOverheadBytes} bytes`);
  if (!all.subarray(0, 4).equals(magic)) throw notOurs(all);
  const headerBytes = all.readUInt32BE(4);
  if (headerBytes > headerBytesMax) throw tooLarge('header', headerBytes, headerBytesMax);
  if (headerBytes > all.length - frameOverheadBytes) throw malformed('the header reaches beyond the end');
  const bodyStart = 8 + headerBytes + 4;
  const bodyBytes = all.readUInt32BE(bodyStart - 4);
  const bodyEnd = bodyStart + bodyBytes;
  if (bodyEnd + trailerBytes !== all.length) throw malformed('the parts do not add up to the manifest');
  const frame = {
    header: all.subarray(8, 8 + headerBytes),
    body: all.subarray(bodyStart, bodyEnd),
    signed: all.subarray(0, bodyEnd),
    signature: all.subarray(bodyEnd + 32),
  };
  if (!contentHash(frame.header, frame.body).equals(all.subarray(bodyEnd, bodyEnd + 32))) {
    throw malformed('the hash of header and body is not that of the trailer');
  }
  return frame;
}

/** The whole manifest; `sign` is given what is signed. Throws ASSIGNMENT_TOO_LARGE. */
export function joinManifest(
  header: Uint8Array,
  body: Uint8Array,
  sign: (bytes: Uint8Array) => Uint8Array,
): Buffer {
  if (header.length > headerBytesMax) throw tooLarge('header', header.length, headerBytesMax);
  const size = frameOverheadBytes + header.length + body.length;
  if (size > manifestBytesMax) throw tooLarge('manifest', size, manifestBytesMax);
  const all = Buffer.allocUnsafe(size);
  all.set(magic, 0);
  all.writeUInt32BE(header.length, 4);
  all.set(header, 8);
  const bodyStart = 8 + header.length + 4;
  all.writeUInt32BE(body.length, bodyStart - 4);
  all.set(body, bodyStart);
  const bodyEnd = bodyStart + body.length;
  all.set(contentHash(header, body), bodyEnd);
  all.set(sign(all.subarray(0, bodyEnd)), bodyEnd + 32);
  return all;
}

/** SHA-256 of header and body: of the trailer, and (of the header without `id`) the assignment's id. */
export function contentHash(header: Uint8Array, body: Uint8Array): Buffer {
  return createHash('sha256').update(header).update(body).digest();
}

export function tooLarge(what: string, bytes: number, bytesMax: number): TreecastError {
  return new TreecastError(
    'ASSIGNMENT_TOO_LARGE',
    `the ${what} of the assignment has ${bytes} bytes; ${bytesMax} are allowed`,
    {
      fix: 'Publish in smaller steps, or split the site.',
      data: { bytes, bytesMax },
    },
  );
}

function notOurs(bytes: Buffer): TreecastError {
  if (bytes.subarray(0, 3).equals(magic.subarray(0, 3))) return unknownFormat(bytes.toString('latin1', 3, 4));
  return malformed('it does not start with TCA1');
}

export function unknownFormat(version: unknown): TreecastError {
  return new TreecastError(
    'PROTOCOL_VERSION',
    `assignments of format ${JSON.stringify(version)} are not understood here`,
    {
      fix: 'Update this program to the version of the CCM.',
    },
  );
}
