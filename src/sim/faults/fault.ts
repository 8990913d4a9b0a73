// The faults that a simulated run can be given, as data: drawn from a seed, printed, and carried out by whoever runs the scenario.

import type { CutDirection } from '../network/network.ts';

/** A node by number, or whoever leads when it happens. */
export type Target = number | 'leader';

/** Where a crash strikes: at any moment, or at the next durable write: before it is durable, behind it but before what it allows is sent, or behind the first message of these. */
export type CrashMoment = 'now' | 'before-persist' | 'after-persist' | 'amid-sends';

export type Fault = {
  /** Milliseconds since the run's start. */
  readonly at: number;
} & (
  | { readonly kind: 'crash'; readonly node: Target; readonly moment: CrashMoment; readonly downMs: number }
  /** It stops as when it is told to, and starts again. */
  | { readonly kind: 'leave'; readonly node: Target; readonly downMs: number }
  /** As by SIGSTOP: nothing happens, packets wait in its buffer. */
  | { readonly kind: 'pause'; readonly node: Target; readonly forMs: number }
  /** The number behind the last node is the CCM, unless only the LAN is cut, and everybody reaches the CCM. */
  | {
      readonly kind: 'partition';
      readonly side: readonly Target[];
      readonly direction: CutDirection;
      readonly sparesCcm: boolean;
      readonly forMs: number;
    }
  /** Loss on one link, or of all that a node sends (`to` null) or hears (`from` null). */
  | {
      readonly kind: 'loss';
      readonly from: number | null;
      readonly to: number | null;
      readonly share: number;
      readonly forMs: number;
    }
  /** It takes up to so long for each thing it does. */
  | { readonly kind: 'slow'; readonly node: Target; readonly delayMs: number; readonly forMs: number }
  /** Its durable writes fail. */
  | { readonly kind: 'disk'; readonly node: Target; readonly forMs: number }
  /** It has no link to the CCM. */
  | { readonly kind: 'unlink'; readonly node: Target; readonly forMs: number }
  | { readonly kind: 'ccm-restart'; readonly downMs: number }
);

export type FaultKind = Fault['kind'];
