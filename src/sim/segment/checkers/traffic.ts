// Control traffic of a member that does not lead, received and sent, is small while nothing changes.

import type { MakeChecker } from '../segment-view.ts';
import { messageBytes } from '../wire-model.ts';

const bytesPerSecondMax = 1000;

export const traffic: MakeChecker = ({ nodes, plan, now }, violate) => {
  const bytes = nodes.map(() => 0);
  const led = nodes.map(() => false);
  const isMeasured = (): boolean => now() >= plan.steadyFromMs && now() < plan.steadyUntilMs;
  let isDone = false;
  return {
    name: 'traffic',
    sent(node, message) {
      if (message.type === 'leader-alive' && isMeasured()) led[node.index] = true;
      if (isMeasured()) bytes[node.index] = (bytes[node.index] as number) + messageBytes(message);
    },
    heard(node, _from, message) {
      if (isMeasured()) bytes[node.index] = (bytes[node.index] as number) + messageBytes(message);
    },
    tick() {
      if (isDone || now() < plan.steadyUntilMs) return;
      isDone = true;
      const seconds = (plan.steadyUntilMs - plan.steadyFromMs) / 1000;
      for (const node of nodes) {
        const rate = (bytes[node.index] as number) / seconds;
        if (led[node.index] === false && rate > bytesPerSecondMax) {
          violate(`${node.name} had ${Math.round(rate)} bytes of control traffic a second`);
          return;
        }
      }
    },
  };
};
