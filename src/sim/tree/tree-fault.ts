// What can happen to a simulated distribution, as data: drawn from a seed, printed, and carried out by tree-faults.ts.

/** Leaders are numbers from 0. */
export type TreeFault = {
  readonly at: number;
} /** Its process dies; what it holds stays on its disk. */ & (
  | { readonly kind: 'kill'; readonly node: number; readonly downMs: number }
  /** It dies for good, and its segment has another leader, which holds a share of the blocks. */
  | { readonly kind: 'succession'; readonly node: number; readonly afterMs: number; readonly share: number }
  /** Its line is dead, and nobody is told; null: for good. */
  | { readonly kind: 'cut'; readonly node: number; readonly forMs: number | null }
  /** Only its link to the CCM breaks. */
  | { readonly kind: 'link'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'ccm-restart'; readonly downMs: number }
  /** The first so many leaders and the CCM do not reach the others. */
  | { readonly kind: 'partition'; readonly from: number; readonly forMs: number }
  /** From now on what it serves is corrupt. */
  | { readonly kind: 'corrupt'; readonly node: number }
  /** It says that it holds all, and answers that it lacks it. */
  | { readonly kind: 'liar'; readonly node: number }
  /** It takes connections, says that it has more, and sends nothing. */
  | { readonly kind: 'mute'; readonly node: number }
  /** Its disk has lost the assignment. */
  | { readonly kind: 'vanish'; readonly node: number }
  /** One that has no part in it says words of each kind. */
  | { readonly kind: 'intruder' }
  /** It comes late. */
  | { readonly kind: 'late'; readonly node: number }
  /** Its segment needs it no more. */
  | { readonly kind: 'leaves'; readonly node: number }
);

export type TreeFaultKind = TreeFault['kind'];

export const treeFaultKinds: readonly TreeFaultKind[] = [
  ...(['kill', 'kill', 'kill', 'succession', 'succession', 'cut', 'cut', 'link', 'link'] as const),
  ...(['ccm-restart', 'partition', 'corrupt', 'corrupt', 'liar', 'mute', 'vanish'] as const),
  ...(['intruder', 'late', 'leaves'] as const),
];
