// What `status` says of the fleet besides its sites: segments with their leaders, nodes that nobody gave anything yet, certificates that end soon.

import type { Client } from '../client/client.ts';
import type { NodeResource, SegmentResource } from '../model/api.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { endingCertificates } from './ending-certificates.ts';
import { isPresent } from './segment-lines.ts';
import type { Style } from './style.ts';
import { tableLines } from './table.ts';
import { nothing } from './text.ts';

export interface FleetOverview {
  readonly segments: readonly {
    readonly name: string;
    /** Accepted now. */
    readonly leader: string | null;
    readonly members: number;
    readonly notOnline: readonly string[];
    /** Leaders that the CCM does not accept. */
    readonly refused: readonly string[];
  }[];
  readonly newNodes: readonly string[];
  /** Ended, or ending within two weeks. */
  readonly endingCertificates: readonly { readonly node: string; readonly expiresAt: string | null }[];
}

/** Undefined when the token may not see it, or the CCM is older. */
export async function readFleet(client: Client): Promise<FleetOverview | undefined> {
  try {
    const [segments, nodes] = await Promise.all([client.segments.list(), client.nodes.list()]);
    return fleetOverview(segments, nodes, Date.now());
  } catch (error) {
    if (error instanceof TreecastError && ['FORBIDDEN', 'NOT_FOUND'].includes(error.code)) return undefined;
    throw error;
  }
}

export function fleetOverview(
  segments: readonly SegmentResource[],
  nodes: readonly NodeResource[],
  nowMs: number,
): FleetOverview {
  return {
    segments: segments.map(({ name, leader, members, refused }) => ({
      name,
      leader: leader?.node ?? null,
      members: members.length,
      notOnline: members.filter((member) => !isPresent(member)).map(({ node }) => node),
      refused: refused.map((part) => part.leader),
    })),
    newNodes: nodes.filter(({ isNew }) => isNew).map(({ name }) => name),
    endingCertificates: endingCertificates(nodes, nowMs).map(({ name, certificate }) => ({
      node: name,
      expiresAt: certificate?.expiresAt ?? null,
    })),
  };
}

const namesMax = 5;

export function fleetLines(
  { segments, newNodes, endingCertificates: ending }: FleetOverview,
  style: Style,
): string[] {
  const table = tableLines(
    ['SEGMENT', 'LEADER', 'ONLINE', 'NOT ONLINE'],
    segments.map(({ name, leader, members, notOnline, refused }) => [
      name,
      (leader ?? style.warn('none')) +
        (refused.length === 0 ? '' : style.warn(` (refused: ${namesText(refused)})`)),
      `${members - notOnline.length} of ${members}`,
      notOnline.length === 0 ? nothing : style.warn(namesText(notOnline)),
    ]),
  );
  const hints = [
    ...(newNodes.length === 0
      ? []
      : [
          `new nodes: ${namesText(newNodes)}; give them something with \`treecast group set GROUP --add-node NODE\``,
        ]),
    ...(ending.length === 0
      ? []
      : [
          style.warn(
            `certificates that have ended or end within two weeks: ${namesText(ending.map(({ node, expiresAt }) => `${node} (${expiresAt?.slice(0, 10) ?? 'none'})`))}`,
          ),
        ]),
  ];
  return [...(segments.length === 0 ? [] : table), ...hints];
}

function namesText(names: readonly string[]): string {
  const more = names.length - namesMax;
  return `${names.slice(0, namesMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
