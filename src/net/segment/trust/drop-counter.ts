// CHAN-3: what was not believed, counted by reason. For people and tests; nothing is decided by it.

export const dropReasons = [
  /** No datagram of Treecast. */
  'garbage',
  /** Of another version. */
  'version',
  'malformed',
  'other-segment',
  'other-node',
  /** In this node's own name: the group's echo, most often. */
  'own',
  /** The signature does not hold. */
  'forged',
  /** Its certificate is not of the CCM's authority. */
  'stranger',
  'revoked',
  /** Heard before, or of a life that the sender does not live any more. */
  'replay',
  /** The sender did not introduce itself, or too late. */
  'unknown',
  /** Of a node that is not known, and nothing that this node needs: probes that others answer. */
  'passed-over',
  /** An answer that nobody asked for. */
  'unasked',
  /** Somebody else speaks with this node's own key. */
  'twin',
  /** Its address has had more than its share of attention. */
  'flood',
] as const;

export type DropReason = (typeof dropReasons)[number];

export interface DropCounter<Reason extends string = DropReason> {
  count(reason: Reason): void;
  /** Those that happened. */
  counts(): Readonly<Partial<Record<Reason, number>>>;
}

export function createDropCounter<Reason extends string = DropReason>(): DropCounter<Reason> {
  const counts = new Map<Reason, number>();
  return {
    count: (reason) => void counts.set(reason, (counts.get(reason) ?? 0) + 1),
    counts: () => Object.fromEntries(counts) as Partial<Record<Reason, number>>,
  };
}
