// A planted mistake: one decision of the protocol, of the CCM or of a driver that is wrong on purpose, to see that the checkers find it.

import type { KitChanges } from '../segment/product-kit.ts';

export interface Mutant {
  readonly name: string;
  /** What it does wrong. */
  readonly mistake: string;
  readonly changes: KitChanges;
}
