// What a receiver has to say, cut into statuses that fit in one datagram each (MCTP-12). Each counts by itself.

import {
  type BlockMissing,
  type BlockRange,
  blockMissingBytes,
  type MctpStatus,
  statusBytes,
  statusBytesMax,
} from './mctp-messages.ts';

type StatusHead = Omit<MctpStatus, 'missing' | 'absent' | 'forged'>;

export interface StatusBody {
  readonly missing: readonly BlockMissing[];
  readonly absent: readonly BlockRange[];
  readonly forged: readonly number[];
}

/** More ranges, and more forged blocks, wait for the next status. */
const rangesMax = 40;
const forgedMax = 60;
/** What does not fit in so many waits too. */
const statusesMax = 3;

/** At least one. */
export function splitStatus(head: StatusHead, body: StatusBody): MctpStatus[] {
  const absent = body.absent.slice(0, rangesMax);
  const forged = body.forged.slice(0, forgedMax);
  const statuses: MctpStatus[] = [];
  let missing: BlockMissing[] = [];
  let status: MctpStatus = { ...head, missing, absent, forged };
  let bytes = statusBytes(status);
  for (const block of body.missing) {
    const more = blockMissingBytes(block);
    if (bytes + more > statusBytesMax) {
      if (statuses.length === statusesMax - 1) break;
      statuses.push(status);
      missing = [];
      status = { ...head, missing, absent: [], forged: [] };
      bytes = statusBytes(status);
    }
    missing.push(block);
    bytes += more;
  }
  return [...statuses, status];
}
