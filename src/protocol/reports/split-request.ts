// Whom a request to the group names: those who are missing or those who are not, whichever are fewer, cut so that each part fits in one datagram
// and counts by itself.

import type { Asked } from './report-message.ts';

/** Names up to so many bytes go into one request. */
export const requestBytesMax = 1_000;

/** All nodes are sorted by name. */
export function splitRequest(missing: readonly string[], others: readonly string[]): Asked[] {
  if (missing.length <= others.length) return cut(missing).map((nodes) => ({ missing: nodes }));
  const parts = cut(others);
  return parts.map((received, index) => ({
    received,
    after: parts[index - 1]?.at(-1) ?? null,
    upTo: index === parts.length - 1 ? null : (received.at(-1) ?? null),
  }));
}

export function isAsked(node: string, asked: Asked): boolean {
  if ('missing' in asked) return asked.missing.includes(node);
  if (asked.after !== null && node <= asked.after) return false;
  if (asked.upTo !== null && node > asked.upTo) return false;
  return !asked.received.includes(node);
}

/** At least one part. */
function cut(nodes: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let bytes = 0;
  for (const node of nodes) {
    // Names of nodes are ASCII.
    if (bytes > 0 && bytes + node.length + 1 > requestBytesMax) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(node);
    bytes += node.length + 1;
  }
  return parts;
}
