// A small request or response body, read whole and never beyond its bound.

import type { IncomingMessage } from 'node:http';
import { TreecastError } from '../../model/treecast-error.ts';

/** Throws INVALID_INPUT when there is more than `bytesMax`. */
export async function readBody(message: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) {
      throw new TreecastError('INVALID_INPUT', `The body is larger than ${bytesMax} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
