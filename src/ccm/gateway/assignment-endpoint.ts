// GET /assignments/<id>/{manifest,data}: files behind a ticket, whole or one range (LINK-14, LINK-15).

import type { KeyObject } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { TreecastError } from '../../model/treecast-error.ts';
import { parseByteRange } from '../../net/http/byte-range.ts';
import { pacedPieces } from '../../net/rate/paced-pieces.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import { verifyTicket } from '../../net/tickets/ticket.ts';

export interface AssignmentFiles {
  readonly manifestPath: string;
  readonly dataPath: string;
}

export interface AssignmentEndpointOptions {
  /** Of the key that signs tickets. */
  readonly ticketKeys: () => readonly KeyObject[];
  /** CCM time. */
  readonly now: () => number;
  /** Of a registered node; null: none. */
  readonly segmentOf: (node: string) => string | null;
  /** Undefined when there is no such assignment. */
  readonly resolveAssignment: (id: string) => Promise<AssignmentFiles | undefined>;
  /** Of a transfer that begins: what keeps it within the CCM's limit (TREE-73). */
  readonly pace: () => Pace;
}

/** Answers a request of the node that the peer's certificate names; throws what the request is refused for. */
export type AssignmentEndpoint = (
  request: IncomingMessage,
  response: ServerResponse,
  fetcher: string,
) => Promise<void>;

const readBytes = 262_144;
const pathPattern = /^\/assignments\/([0-9a-f]{64})\/(manifest|data)$/;

export function createAssignmentEndpoint(options: AssignmentEndpointOptions): AssignmentEndpoint {
  return async (request, response, fetcher) => {
    const [, id, part] = pathPattern.exec(request.url ?? '') ?? [];
    if (id === undefined) throw new TreecastError('NOT_FOUND', 'There is nothing at this address.');
    const [, ticket] = /^Ticket (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (ticket === undefined) throw new TreecastError('TICKET_INVALID', 'The request has no ticket.');
    const segment = options.segmentOf(fetcher);
    verifyTicket(ticket, {
      keys: options.ticketKeys(),
      assignment: id,
      fetcher,
      segment,
      now: options.now(),
    });
    const files = await options.resolveAssignment(id);
    if (files === undefined) throw new TreecastError('NOT_FOUND', `Assignment ${id} is not kept here.`);
    const path = part === 'manifest' ? files.manifestPath : files.dataPath;
    await sendFile(request, response, path, options.pace());
  };
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  pace: Pace,
): Promise<void> {
  const file = await openFile(path);
  try {
    const { size } = await file.stat();
    const range = parseByteRange(request.headers.range, size);
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0 }).end();
      return;
    }
    const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range;
    response.writeHead(range === 'whole' ? 200 : 206, {
      'content-type': 'application/octet-stream',
      'content-length': end - start + 1,
      'accept-ranges': 'bytes',
      ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === 'HEAD' || end < start) {
      response.end();
      return;
    }
    const stream = file.createReadStream({ start, end, highWaterMark: readBytes, autoClose: false });
    await pipeline(stream, (chunks: AsyncIterable<Buffer>) => pacedChunks(chunks, pace), response);
  } finally {
    await file.close();
  }
}

async function* pacedChunks(
  chunks: AsyncIterable<Buffer>,
  pace: Pace,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) yield* pacedPieces(chunk, pace);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path);
  } catch (cause) {
    throw new TreecastError('NOT_FOUND', 'The assignment’s file cannot be read.', { cause });
  }
}
