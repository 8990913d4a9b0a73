// What the CCM has told this node over links of its own, as digests (LEAD-2): said when it goes behind a leader, so that the CCM can see whether
// it has to be told again. Kept in memory alone: an agent that has just started is told everything.

import type { Told } from '../../model/leader-messages.ts';
import type { ReceivedMessage } from '../../net/link/link-client.ts';
import {
  digestOfGrant,
  digestOfReleaseKeys,
  digestOfRevocations,
  digestOfSegment,
  untold,
} from '../../net/relay/told.ts';

export interface ToldRecord {
  /** Over an own link, and taken. */
  note(message: ReceivedMessage): void;
  told(): Told;
}

export function createToldRecord(): ToldRecord {
  const sites = new Map<string, string>();
  let releaseKeys = untold;
  let segment = untold;
  let revocations = untold;
  return {
    note(message) {
      switch (message.type) {
        case 'welcome':
          releaseKeys = digestOfReleaseKeys(message.releaseKeys);
          // What it does not name the CCM does not count as told either.
          sites.clear();
          for (const grant of message.sites) sites.set(grant.site, digestOfGrant(grant));
          return;
        case 'grant':
          sites.set(message.grant.site, digestOfGrant(message.grant));
          return;
        case 'removed':
          sites.delete(message.site);
          return;
        case 'segment':
          segment = digestOfSegment(message);
          return;
        case 'revocations':
          revocations = digestOfRevocations(message);
          return;
        default:
      }
    },
    told: () => ({ releaseKeys, segment, revocations, sites: Object.fromEntries(sites) }),
  };
}
