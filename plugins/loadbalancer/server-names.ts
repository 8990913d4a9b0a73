// Which entries of a balancer belong to a node, and what a name may look like: names go into command lines, URLs and files, so
// nothing is let in that could end one command and begin another.

import { z } from 'treecast/plugin';

/** Letters that HAProxy takes in the names of proxies and servers. */
export const proxyName = z
  .string()
  .regex(/^[A-Za-z0-9_.:][A-Za-z0-9_.:-]{0,127}$/, 'is no name: letters, digits and _ . : - only');

/** A host with a port; IPv6 in brackets. */
export const serverAddress = z
  .string()
  .max(261)
  .regex(
    /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*)|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/,
    'is no address: host:port or [address]:port',
  )
  .refine((text) => portOf(text) >= 1 && portOf(text) <= 65_535, 'has no port between 1 and 65535');

/** For URLs, bodies and arguments: nothing that would need quoting anywhere. */
export const plainName = z
  .string()
  .regex(
    /^[A-Za-z0-9_[][A-Za-z0-9_.:/@+=~\]-]{0,199}$/,
    'is no name: letters, digits and _ . : / @ + = ~ - only',
  );

export function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

export const nodeName = z
  .string()
  .regex(/^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$/, 'is no name of a node');

/** Node → its entries here: one, several, or none (`[]`: this node is not on this balancer). */
export function entriesOfNodes<T extends z.ZodType>(entry: T) {
  return z.record(nodeName, z.union([entry.transform((one) => [one]), z.array(entry).max(100)]));
}
