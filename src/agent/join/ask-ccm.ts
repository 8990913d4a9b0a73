// One request to the agents' port outside of the link: joining, renewing, and reading the CCM's keys.

import { type Agent, type RequestOptions, request } from 'node:https';
import { z } from 'zod';
import { fromWireError, TreecastError } from '../../model/treecast-error.ts';
import { readBody } from '../../net/http/read-body.ts';
import { wireErrorSchema } from '../../net/link/field-schemas.ts';

const timeoutMs = 15_000;
const answerBytesMax = 1_048_576;
const errorSchema = z.object({ error: wireErrorSchema });

export interface Answer<T> {
  readonly value: T;
  /** Milliseconds since 1970, whole seconds, as the CCM's `Date` says; null when it says nothing. */
  readonly date: number | null;
}

export interface Question<T> {
  /** Of the agents' port, with a path; its origin is in messages. */
  readonly url: string;
  readonly tls: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'checkServerIdentity'>;
  /** Makes the connection; absent: Node.js does, directly. */
  readonly agent?: Agent | undefined;
  /** Sent by POST; without it the request is a GET. */
  readonly body?: unknown;
  readonly schema: z.ZodType<T>;
}

/** Throws what the CCM refuses with, CCM_UNREACHABLE, MESSAGE_INVALID. */
export async function askCcm<T>({ url, tls, agent, body, schema }: Question<T>): Promise<Answer<T>> {
  const { origin } = new URL(url);
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await send(url, tls, agent, text).catch((cause: unknown) => {
    if (cause instanceof TreecastError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TreecastError('CCM_UNREACHABLE', `The CCM at ${origin} did not answer: ${why}.`, {
      cause,
      fix: 'Check that it runs and that its agents’ port can be reached from here, then try again.',
    });
  });
  const value = parseJson(answer.text);
  if (answer.status === 200) {
    const parsed = schema.safeParse(value);
    const date = Date.parse(answer.date ?? '');
    if (parsed.success) return { value: parsed.data, date: Number.isNaN(date) ? null : date };
  }
  const refusal = errorSchema.safeParse(value);
  if (refusal.success) throw fromWireError(refusal.data.error);
  throw new TreecastError(
    'MESSAGE_INVALID',
    `The CCM at ${origin} answered with something else (${answer.status}).`,
    {
      fix: 'Check that this is the address of the agents’ port of a Treecast CCM.',
    },
  );
}

function send(
  url: string,
  tls: Question<unknown>['tls'],
  agent: Agent | undefined,
  body: string | undefined,
): Promise<{ status: number; text: string; date: string | undefined }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      ...tls,
      method: body === undefined ? 'GET' : 'POST',
      minVersion: 'TLSv1.3',
      agent: agent ?? false,
      timeout: timeoutMs,
      headers:
        body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new TreecastError('CCM_UNREACHABLE', 'The CCM did not answer in time.')),
    );
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      readBody(response, answerBytesMax).then(
        (bytes) =>
          resolve({
            status: response.statusCode ?? 0,
            text: bytes.toString('utf8'),
            date: response.headers.date,
          }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
