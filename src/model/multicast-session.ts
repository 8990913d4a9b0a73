// One delivery of an assignment by multicast, as the leader that sends it tells the CCM, and as it is shown.

export const multicastStates = ['invited', 'absent', 'receiving', 'complete', 'failed', 'unicast'] as const;

export type MulticastState = (typeof multicastStates)[number];

/** A receiver that has not everything by multicast. */
export interface MulticastReceiver {
  readonly node: string;
  readonly state: Exclude<MulticastState, 'complete'>;
  /** Share of the frames that it missed lately, from 0 to 1. */
  readonly loss: number;
  /** Why it fetches, or takes nothing more; null: it goes on. */
  readonly why: string | null;
}

export interface MulticastSession {
  /** 8 hex digits. */
  readonly id: string;
  readonly site: string;
  readonly assignment: string;
  readonly group: string;
  readonly port: number;
  readonly repair: 'arq' | 'fec';
  readonly isRunning: boolean;
  /** How long it runs, or ran. */
  readonly tookMs: number;
  readonly blocks: number;
  /** Of these, sent once. */
  readonly blocksSent: number;
  /** UDP payload, repair included. */
  readonly sentBytes: number;
  /** What the last second reached; of a session that has ended, all of it. */
  readonly bytesPerSecond: number;
  /** The limit that holds; null: none. */
  readonly bytesPerSecondMax: number | null;
  /** Of the receivers' median, from 0 to 1. */
  readonly loss: number;
  /** Of all frames, those that repaired. */
  readonly repairShare: number;
  readonly receivers: { readonly [State in MulticastState]: number };
  /** Those that are not complete, the failed ones first, 32 at most. */
  readonly incomplete: readonly MulticastReceiver[];
  /** The last thing that went wrong with it as a whole. */
  readonly problem: string | null;
}

export const incompleteMax = 32;
/** Of one leader, in one message. */
export const sessionsTold = 32;
