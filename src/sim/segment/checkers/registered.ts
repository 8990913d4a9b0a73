// Every member that is there is registered within the bound after the last disturbance (R5.3).

import type { MakeChecker } from '../segment-view.ts';

export const registered: MakeChecker = ({ nodes, plan, bounds, now, disturbedAt }, violate) => ({
  name: 'registered',
  tick() {
    if (now() < plan.calmFromMs || now() - disturbedAt() < bounds.registeredMs) return;
    const missing = nodes.find((node) => node.isUp && !node.isRegistered && node.leader !== node.index);
    if (missing !== undefined) violate(`${missing.name} is not registered`);
  },
});
