// Asks another node which blocks of an assignment it holds (LEAD-35). Who does not answer in time, or not as it should, holds none.

import { request } from 'node:https';
import { z } from 'zod';
import { urlAuthority } from '../../net/http/listen-address.ts';
import { readBody } from '../../net/http/read-body.ts';
import { nodeConnectionOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { SegmentNeighbour } from '../segment/segment-view.ts';

export interface HeldElsewhere {
  readonly holder: SegmentNeighbour;
  has(index: number): boolean;
}

/** A bit for each block, of each byte the lowest first. */
export interface HeldAnswer {
  readonly blocks: number;
  readonly held: string;
}

const timeoutMs = 1_000;
const heldAnswerBytesMax = 65_536;
const schema: z.ZodType<HeldAnswer> = z.strictObject({
  blocks: z.int().min(0).max(65_536),
  held: z
    .string()
    .max(16_384)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/),
});

export function segmentPortUrl(
  { address, port }: Pick<SegmentNeighbour, 'address' | 'port'>,
  assignment: string,
  what: 'manifest' | 'data' | 'held',
): string {
  return `https://${urlAuthority({ host: address, port })}/assignments/${assignment}/${what}`;
}

export function heldAnswer(blocks: number, has: (index: number) => boolean): HeldAnswer {
  const bits = Buffer.alloc(Math.ceil(blocks / 8));
  for (let index = 0; index < blocks; index++) {
    if (has(index)) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  }
  return { blocks, held: bits.toString('base64') };
}

/** Throws when it is none. */
function readHeldAnswer(bytes: Buffer): Pick<HeldElsewhere, 'has'> {
  const { blocks, held } = schema.parse(JSON.parse(bytes.toString('utf8')));
  const bits = Buffer.from(held, 'base64');
  return { has: (index) => index < blocks && ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0 };
}

export interface HeldQuestion {
  /** Of what it holds. */
  readonly url: string;
  readonly node: string;
  readonly ticket: string;
  readonly credentials: TlsCredentials;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Over a connection of its own. `has` null: its status says why. Throws when it does not answer in time, or not as it should. */
export async function requestHeld({ url, node, ticket, credentials, ...question }: HeldQuestion): Promise<{
  readonly status: number;
  readonly has: HeldElsewhere['has'] | null;
}> {
  const signal = AbortSignal.any([question.signal, AbortSignal.timeout(question.timeoutMs)]);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        ...nodeConnectionOptions(credentials, node),
        agent: false,
        signal,
        headers: { authorization: `Ticket ${ticket}` },
      },
      (response) => {
        const { statusCode: status = 0 } = response;
        if (status === 200)
          readBody(response, heldAnswerBytesMax)
            .then((bytes) => resolve({ status, ...readHeldAnswer(bytes) }))
            .catch(reject);
        else {
          response.destroy();
          resolve({ status, has: null });
        }
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export async function askHeld({
  holder,
  assignment,
  ...question
}: Pick<HeldQuestion, 'ticket' | 'credentials' | 'signal'> & {
  readonly holder: SegmentNeighbour;
  readonly assignment: string;
}): Promise<HeldElsewhere | undefined> {
  try {
    const url = segmentPortUrl(holder, assignment, 'held');
    const { has } = await requestHeld({ ...question, url, node: holder.node, timeoutMs });
    return has === null ? undefined : { holder, has };
  } catch {
    return undefined;
  }
}
