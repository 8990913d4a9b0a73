// Who is fetching what from this node of those that it brought hand-outs to (TREE-54): for an uplink to be shared, and for the next ones to be asked for
// when these are done.

import { blockCount } from '../../assignment/block-layout.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { partOf } from '../../protocol/tree/tree-parts.ts';

/** One request of a child. */
export interface Serving {
  sent(header: AssignmentHeader, index: number): void;
  end(): void;
}

export interface Children {
  /** Throws RATE_LIMITED. */
  begin(assignment: string, node: string): Serving;
  of(assignment: string): readonly string[];
  close(): void;
}

export interface ChildrenOptions {
  readonly onServing: (assignment: string, node: string, isServed: boolean) => void;
  readonly clock: Clock;
  /** Who asks for nothing for so long is gone, or done. */
  readonly goneMs: number;
}

interface Child {
  requests: number;
  isServed: boolean;
  sent: Uint8Array;
  forget: (() => void) | undefined;
}

const childrenMax = 256;

export function createChildren({ onServing, clock, goneMs }: ChildrenOptions): Children {
  const all = new Map<string, Map<string, Child>>();

  function childOf(assignment: string, node: string): Child {
    const children = all.get(assignment) ?? new Map<string, Child>();
    all.set(assignment, children);
    const known = children.get(node);
    if (known !== undefined) return known;
    if (children.size >= childrenMax) {
      throw new TreecastError('RATE_LIMITED', `Too many leaders fetch assignment ${assignment} here.`, {
        fix: 'Nothing needs to be done: the CCM names another source.',
      });
    }
    const child: Child = { requests: 0, isServed: false, sent: new Uint8Array(0), forget: undefined };
    children.set(node, child);
    return child;
  }

  function done(assignment: string, node: string, child: Child): void {
    child.forget?.();
    const children = all.get(assignment);
    children?.delete(node);
    if (children?.size === 0) all.delete(assignment);
    onServing(assignment, node, false);
  }

  return {
    begin(assignment, node) {
      const child = childOf(assignment, node);
      child.requests += 1;
      child.forget?.();
      child.forget = undefined;
      if (!child.isServed) {
        child.isServed = true;
        onServing(assignment, node, true);
      }
      let isOpen = true;
      return {
        sent(header, index) {
          if (child.sent.length === 0) child.sent = new Uint8Array(blockCount(header));
          child.sent[index] = 1;
        },
        end() {
          if (!isOpen) return;
          isOpen = false;
          child.requests -= 1;
          if (child.requests > 0) return;
          if (isWhole(child.sent)) done(assignment, node, child);
          else child.forget = clock.after(goneMs, () => done(assignment, node, child));
        },
      };
    },
    of: (assignment) => [...(all.get(assignment)?.keys() ?? [])],
    close() {
      for (const children of all.values()) for (const child of children.values()) child.forget?.();
      all.clear();
    },
  };
}

/** It got everything, or everything of one part. */
function isWhole(sent: Uint8Array): boolean {
  if (sent.length === 0) return false;
  let lacks = 0;
  for (const [index, was] of sent.entries()) if (was === 0) lacks |= 1 << partOf(index, sent.length, 2);
  return lacks !== 3;
}
