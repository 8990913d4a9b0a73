// A site's nodes as balancers see them, as lines for people; and the input that names nodes.

import { z } from 'zod';
import type { BalanceResource } from '../model/api.ts';
import type { CommandOption } from './command.ts';
import { name } from './input-schemas.ts';
import { printable } from './printable.ts';
import { tableLines } from './table.ts';
import { nothing } from './text.ts';

export const nodeOptions: readonly CommandOption[] = [
  {
    flags: '--node <node>',
    summary: 'a node; may be repeated (default: all of the site’s group)',
    repeatable: true,
  },
  { flags: '--group <group>', summary: 'the nodes of a content group' },
];

export const nodeInput = { site: name, node: z.array(name).min(1).optional(), group: name.optional() };

/** As the API takes it. */
export function nodesNamed({
  node,
  group,
}: {
  readonly node?: string[] | undefined;
  readonly group?: string | undefined;
}) {
  return { ...(node === undefined ? {} : { nodes: node }), ...(group === undefined ? {} : { group }) };
}

export function balanceLines({ nodes, errors }: BalanceResource): string[] {
  const table = tableLines(
    ['NODE', 'WANTED', 'WHY', 'BALANCERS'],
    nodes.map(({ node, wanted, reason, balancers }) => [
      node,
      wanted,
      printable(reason),
      balancers.map(balancerText).join(', ') || nothing,
    ]),
  );
  return [...table, ...errors.map(({ message, code }) => `error: ${printable(message)} [${code}]`)];
}

function balancerText({
  plugin,
  state,
  sessions,
  weight,
}: BalanceResource['nodes'][number]['balancers'][number]): string {
  const facts = [
    ...(sessions === null ? [] : [`${sessions} sessions`]),
    ...(weight === null ? [] : [`weight ${weight}`]),
  ];
  return `${plugin} ${state}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`;
}
