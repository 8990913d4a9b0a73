// A ticket lets one node, or those of one segment, fetch one assignment until a moment of CCM time; signed by the CCM with its release key.
// Shown as `authorization: Ticket <text>` by a peer whose certificate names the node.

import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { signObject, verifyObject } from '../../assignment/signed.ts';
import { namePattern } from '../../model/site.ts';
import { ccmIdPattern } from '../../model/tree-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';

export interface Ticket {
  readonly version: 1;
  /** Keeps a ticket from being taken for anything else the same key signs. */
  readonly purpose: 'fetch';
  /** The CCM's id; only in tickets for agents that know of it. */
  readonly ccm?: string;
  /** The job or other reason it was issued for; for logs. */
  readonly job: string;
  /** 64 hex digits. */
  readonly assignment: string;
  /** A node, or {@link segmentFetcher}. */
  readonly fetcher: string;
  /** Milliseconds since 1970, the CCM's clock. */
  readonly expiresAt: number;
}

const charactersMax = 1_024;
const segmentFetcherPattern = /^segment:[0-9a-f]{32}$/;

/** The nodes of that segment. */
export function segmentFetcher(segment: string): string {
  return `segment:${segment}`;
}

const schema = z.strictObject({
  version: z.literal(1),
  purpose: z.literal('fetch'),
  ccm: z.string().regex(ccmIdPattern).exactOptional(),
  job: z.string().max(128),
  assignment: z.string().regex(/^[0-9a-f]{64}$/),
  fetcher: z.union([z.string().regex(namePattern), z.string().regex(segmentFetcherPattern)]),
  expiresAt: z.int().min(0),
  signature: z.string().max(128),
});

export function issueTicket(
  facts: Pick<Ticket, 'ccm' | 'job' | 'assignment' | 'fetcher' | 'expiresAt'>,
  releaseKey: KeyObject,
): string {
  const ticket: Ticket = { version: 1, purpose: 'fetch', ...facts };
  return Buffer.from(JSON.stringify(signObject(ticket, releaseKey))).toString('base64url');
}

/** Throws TICKET_INVALID unless one of the keys signed it for this assignment and fetcher and `now` (CCM time) is before its end. */
export function verifyTicket(
  text: string,
  expected: {
    readonly keys: readonly KeyObject[];
    readonly assignment: string;
    readonly fetcher: string;
    /** The fetcher's, for a ticket of the whole of it; absent: one of its own is needed. */
    readonly segment?: string | null;
    readonly now: number;
  },
): Ticket {
  if (text.length > charactersMax || !/^[A-Za-z0-9_-]+$/.test(text)) throw refused('it is malformed');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch (cause) {
    throw refused('it is malformed', cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw refused('it is malformed', parsed.error);
  const { signature: _, ...ticket } = parsed.data;
  if (!verifyObject(parsed.data, expected.keys)) throw refused('its signature is not valid');
  if (ticket.assignment !== expected.assignment) throw refused('it is for another assignment');
  const isForSegment = expected.segment != null && ticket.fetcher === segmentFetcher(expected.segment);
  if (ticket.fetcher !== expected.fetcher && !isForSegment) throw refused('it is for another node');
  if (ticket.expiresAt <= expected.now) throw refused('it has expired');
  return ticket;
}

function refused(why: string, cause?: unknown): TreecastError {
  return new TreecastError('TICKET_INVALID', `The ticket was refused: ${why}.`, {
    cause,
    fix: 'The agent asks again when it reconnects; nothing needs to be done.',
  });
}
