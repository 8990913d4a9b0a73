// What the log says of the place that a node has on its control channel.

import type { ControlChannel } from '../../model/segment.ts';
import type { StationState } from '../../net/segment/segment-station.ts';

export function partFields(
  segment: string,
  { interface: local, why, own }: Pick<StationState, 'interface' | 'why' | 'own'>,
  { group, port }: ControlChannel,
): object {
  return {
    segment,
    interface: local?.name ?? null,
    why,
    address: own?.address,
    port: own?.port,
    group,
    groupPort: port,
  };
}
