// What one seed came to, as it travels from a worker: numbers and words only.

import type { FaultKind } from '../faults/fault.ts';
import type { RunResult } from '../segment/segment-run.ts';

export interface SeedResult extends RunResult {
  readonly seed: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
}

export interface SeedTask {
  readonly members: number;
  readonly mutant: string | null;
}
