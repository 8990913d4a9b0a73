// One HTTPS request for one range, over mutual TLS: the answer's status and Content-Range are checked, its bytes handed on.

import type { IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import { z } from 'zod';
import { fromWireError, TreecastError } from '../../model/treecast-error.ts';
import { readBody } from '../http/read-body.ts';
import { wireErrorSchema } from '../link/field-schemas.ts';
import type { Pace } from '../rate/pacer.ts';

export interface RangeRequest {
  readonly url: string;
  readonly ticket: string;
  /** First byte and, excluded, the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes of the whole file. */
  readonly total: number;
  /** No byte for this long counts as a broken connection; absent: ten seconds. */
  readonly idleMs?: number;
  /** Keeps it within limits of the rate; absent: there are none. */
  readonly pace?: Pace | undefined;
}

const idleMsDefault = 10_000;
const errorBytesMax = 65_536;
/** Refusals that another try of the same request cannot mend. */
const finalCodes: ReadonlySet<string> = new Set([
  'TICKET_INVALID',
  'NOT_FOUND',
  'CERTIFICATE_INVALID',
  'CERTIFICATE_EXPIRED',
  'NODE_REMOVED',
  'INVALID_INPUT',
]);
const errorSchema = z.object({ error: wireErrorSchema });

/** A refusal that is final, as opposed to a broken transport, which throws other errors. */
export class RefusedBySource extends TreecastError {}

/** It is alive, and asks for patience. */
export class BusySource extends TreecastError {}

/** Yields the range's bytes, exactly as many as asked for, in pieces of any size. */
export async function* requestRange(
  agent: Agent,
  { url, ticket, start, end, total, idleMs = idleMsDefault, pace }: RangeRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const response = await open(
    agent,
    url,
    { authorization: `Ticket ${ticket}`, range: `bytes=${start}-${end - 1}` },
    idleMs,
    signal,
  );
  try {
    if (response.statusCode !== 206) throw await refusalOf(response);
    const contentRange = response.headers['content-range'];
    if (contentRange !== `bytes ${start}-${end - 1}/${total}`) {
      throw broken(`the source answered with content-range ${String(contentRange)}`);
    }
    let received = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      received += chunk.length;
      if (received > end - start) throw broken('the source sent more than was asked for');
      const turn = pace?.(chunk.length);
      if (turn !== undefined) {
        // Nothing is read meanwhile: nobody is silent. Of what is complete the socket is another request's already.
        if (!response.complete) response.setTimeout(0);
        await turn;
        if (!response.complete) response.setTimeout(idleMs);
      }
      yield chunk;
    }
    if (received < end - start) throw broken('the source ended the answer early');
  } finally {
    if (!response.complete) response.destroy();
  }
}

function open(
  agent: Agent,
  url: string,
  headers: Readonly<Record<string, string>>,
  idleMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent, headers, signal, timeout: idleMs });
    outgoing.on('timeout', () => outgoing.destroy(broken('the source went silent')));
    outgoing.on('response', (response) => {
      // An abort before anybody reads it must not end the process; whoever reads it is thrown the same error.
      response.on('error', () => undefined);
      resolve(response);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function refusalOf(response: IncomingMessage): Promise<Error> {
  const status = response.statusCode ?? 0;
  const body = await readBody(response, errorBytesMax);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = undefined;
  }
  const parsed = errorSchema.safeParse(value);
  if (!parsed.success) return broken(`the source answered with status ${status}`);
  const error = fromWireError(parsed.data.error);
  if (status === 503 || status === 429) return new BusySource(error.code, error.message);
  if (!finalCodes.has(error.code)) return error;
  return new RefusedBySource(error.code, error.message, error.fix === undefined ? {} : { fix: error.fix });
}

function broken(why: string): TreecastError {
  return new TreecastError('CCM_UNREACHABLE', why);
}
