// Cuts a list of members into parts of which each fits in one datagram. What a datagram takes is the driver's figure.

import type { ListedMember } from '../../model/segment.ts';

/** At least one part; in order, nobody left out. A single entry is never cut, even if it is longer than a part may be. */
export function splitList(members: readonly ListedMember[], partBytesMax: number): ListedMember[][] {
  const parts: ListedMember[][] = [[]];
  let bytes = 0;
  for (const member of members) {
    const memberBytes = JSON.stringify(member).length + 1;
    if (bytes > 0 && bytes + memberBytes > partBytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(member);
    bytes += memberBytes;
  }
  return parts;
}
