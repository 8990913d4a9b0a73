// What a leader and a member tell each other over the member's connection with it (LEAD-10): a WebSocket at `/member` of the leader's
// segment port, mutual TLS between nodes. JSON text, one object a frame.

import type { RelayedMessage, RoundSubject, SignedFrame } from '../../model/leader-messages.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import type { Asked } from '../../protocol/reports/report-message.ts';
import type { MctpNotice } from '../mctp/mctp-session.ts';

/** A round of reports (RPT-1), as the leader announces it with the work. */
export interface AnnouncedRound extends RoundSubject {
  readonly id: string;
  /** RPT-2: reports are spread over so much time. */
  readonly spreadMs: number;
}

export type LeaderToMember =
  /** First, and whenever it changes; null: the leader cannot reach the CCM, or is not accepted any more. */
  | { readonly type: 'session'; readonly segment: string; readonly session: string | null }
  /** The CCM's answer to the member's opening (`relayAnswer`). */
  | {
      readonly type: 'answer';
      readonly answer: 'behind' | 'call' | 'refused';
      readonly error: WireError | null;
    }
  /** From the CCM. An assignment behind a URL is fetched from this leader by the same paths and ticket, unless `source` says otherwise. */
  | {
      readonly type: 'work';
      readonly message: RelayedMessage;
      readonly round: AnnouncedRound | null;
      /** Of an assignment: `multicast` will say how it goes out to all, or that it does not. */
      readonly multicast?: true;
    }
  /** How that assignment goes out by multicast; null: it does not, and is fetched from this leader. A later one of the same assignment holds. */
  | { readonly type: 'multicast'; readonly assignment: string; readonly notice: MctpNotice | null }
  /** Blocks of that session, the manifest's first, to be fetched from this leader; null: whatever is missing, and nothing more comes by multicast. */
  | {
      readonly type: 'multicastFetch';
      readonly session: number;
      readonly blocks: readonly BlockRange[] | null;
    }
  /** The leader cannot give this assignment: fetch it from the CCM, if need be through the tunnel. */
  | { readonly type: 'fetchFromCcm'; readonly assignment: string }
  | {
      readonly type: 'report-request';
      readonly round: string;
      readonly asked: Asked;
      readonly spreadMs: number;
    };

export type MemberToLeader =
  | { readonly type: 'open'; readonly frame: SignedFrame }
  /** For the CCM, at once. */
  | { readonly type: 'say'; readonly frame: SignedFrame }
  /** For the CCM, as the member's report of that round. */
  | { readonly type: 'report'; readonly round: string; readonly frame: SignedFrame }
  | { readonly type: 'working'; readonly round: string }
  /** The answer to a notice: what it lacks; null: it takes the assignment another way. */
  | {
      readonly type: 'multicastJoin';
      readonly session: number;
      readonly lacks: readonly BlockRange[] | null;
    };

/** The path of the WebSocket on a leader's segment port. */
export const memberPath = '/member';
