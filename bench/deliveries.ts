// The two ways in which a publish comes to a fleet: each node over a link of its own, or all but one behind the leader of their segment. Fleets of
// either kind run side by side in one LAN, with the built-in static server.

import type { Place } from '../test/lab/places.ts';
import { createFleet, type Fleet } from '../test/lab/program-fleet.ts';
import { untilBehind } from '../test/lab/until-behind.ts';

export const deliveries = ['direct', 'leader'] as const;
export type Delivery = (typeof deliveries)[number];

/** Resolves when every node is connected in that way. */
export async function createFleetOf(
  delivery: Delivery,
  directory: string,
  ccm: Place,
  nodes: readonly Place[],
): Promise<Fleet> {
  // On the loopback address all fleets of the machine would meet in the default group.
  const group = `239.255.${process.pid % 250}.${(process.pid >> 8) % 250}`;
  const fleet = await createFleet(directory, ccm, nodes, {
    agent: (index) => ({
      serve: { listen: `${(nodes[index] as Place).address}:0` },
      segment: delivery === 'direct' ? 'off' : { group },
    }),
  });
  if (delivery === 'leader' && nodes.length > 1) await untilBehind(fleet);
  return fleet;
}
