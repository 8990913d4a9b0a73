// Term and vote are durable before an LC or an LA says them (ELEC-2), and the term only rises: what a node has said it knows after any crash.

import type { MakeChecker } from '../segment-view.ts';

export const durableFirst: MakeChecker = (_view, violate) => ({
  name: 'durable-first',
  persisted(node, { term }) {
    if (term < node.durableTerm) violate(`${node.name} goes back from term ${node.durableTerm} to ${term}`);
  },
  sent(node, message) {
    if (message.type === 'leader-claim') {
      if (message.term === node.durableTerm && node.durableVote === node.name) return;
      violate(
        `${node.name} claims term ${message.term}, and its disk says term ${node.durableTerm} for ${node.durableVote}`,
      );
    }
    if (message.type === 'leader-alive' && message.term > node.durableTerm) {
      violate(`${node.name} leads in term ${message.term}, and its disk says term ${node.durableTerm}`);
    }
  },
});
