// From what the machine decides to what leaders are given: hand-outs with places, ticket and signature.

import type { KeyObject } from 'node:crypto';
import type { SignedHandOut, TreeSource } from '../../model/tree-messages.ts';
import { issueTicket } from '../../net/tickets/ticket.ts';
import { signHandOut } from '../../net/tree/hand-out.ts';
import type { PlannedHandOut, SourceChoice } from '../../protocol/tree/tree-machines.ts';
import { ticketLifeMs } from '../distribution/ticket-life.ts';
import type { LeaderPlaces } from './leader-places.ts';

/** What all hand-outs of an assignment say. */
export interface HandOutSubject {
  readonly job: string;
  readonly site: string;
  readonly assignment: string;
  readonly manifestBytes: number;
  readonly dataBytes: number;
}

export interface HandOutWriterOptions {
  readonly ccm: string;
  readonly releaseKey: () => KeyObject;
  readonly places: Pick<LeaderPlaces, 'of'>;
  /** CCM time. */
  readonly now: () => number;
}

export type WriteHandOut = (subject: HandOutSubject, planned: PlannedHandOut) => SignedHandOut;

export function createHandOutWriter(options: HandOutWriterOptions): WriteHandOut {
  const { ccm, releaseKey, places, now } = options;

  function source({ part, parts, node }: SourceChoice): TreeSource {
    const place = node === null ? null : places.of(node);
    // Nobody knows any more where that one is: the CCM has it as well.
    if (node === null || place === null) return { part, parts, node: null, address: null, port: null };
    return { part, parts, node, ...place };
  }

  return (subject, { node, segment, number, sources }) => {
    const { job, site, assignment, manifestBytes, dataBytes } = subject;
    const expiresAt = now() + ticketLifeMs;
    const key = releaseKey();
    return signHandOut(
      {
        version: 1,
        purpose: 'hand-out',
        ccm,
        job,
        site,
        assignment,
        manifestBytes,
        dataBytes,
        node,
        segment,
        number,
        sources: sources.map(source),
        ticket: issueTicket({ ccm, job, assignment, fetcher: node, expiresAt }, key),
        expiresAt,
      },
      key,
    );
  };
}
