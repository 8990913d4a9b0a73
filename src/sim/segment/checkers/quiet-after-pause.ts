// Who stood still for so long that others may have chosen a leader meanwhile reads what waited for it before it leads or claims (ELEC-17).

import type { MakeChecker } from '../segment-view.ts';

export const quietAfterPause: MakeChecker = ({ nodes, plan, timing, now }, violate) => {
  const quietUntil = nodes.map(() => 0);
  /** What was decided before the pause, and was only to become durable. */
  const writtenAt = nodes.map(() => -1);
  return {
    name: 'quiet-after-pause',
    resumed(node, pausedMs) {
      const rate = plan.members[node.index]?.skew.rate ?? 1;
      if (pausedMs * rate > timing.lostMs + timing.aliveMs + 5) {
        quietUntil[node.index] = now() + (0.95 * timing.aliveMs) / rate;
      }
    },
    stopped(node) {
      quietUntil[node.index] = 0;
    },
    persisted(node) {
      writtenAt[node.index] = now();
    },
    sent(node, message) {
      if (now() >= (quietUntil[node.index] as number) || writtenAt[node.index] === now()) return;
      if (message.type === 'leader-alive' || message.type === 'leader-claim') {
        violate(`${node.name} says ${message.type} as soon as it wakes up`);
      }
    },
  };
};
