// Which nodes are asked for a tunnel to the CCM, the likeliest first (LEAD-60): the leader that is followed, the one that this node joined through,
// then whoever is heard.

import type { NetworkPlace } from '../../net/dial/open-tunnel.ts';
import type { SegmentAgent } from '../segment/segment-agent.ts';

export function tunnelPlaces(
  segment: Pick<SegmentAgent, 'view' | 'heardPlaces'> | undefined,
  joinedVia: NetworkPlace | null,
): NetworkPlace[] {
  const view = segment?.view();
  const leader = view?.others.filter(({ node }) => node === view.leader) ?? [];
  const heard = [...(view?.others ?? []), ...(segment?.heardPlaces() ?? [])];
  const places = [...leader, ...(joinedVia === null ? [] : [joinedVia]), ...heard];
  const byText = new Map(places.map(({ address, port }) => [`${address} ${port}`, { address, port }]));
  return [...byText.values()];
}
