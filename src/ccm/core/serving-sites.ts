// After which events the answer of `servingOf` may be another one, and for which sites; too often is cheap, too seldom is wrong.

import type { CoreEvent } from './events.ts';
import type { Turn } from './turn.ts';

export function servingSites(turn: Turn, event: CoreEvent): string[] {
  const { state } = turn;
  const names = new Set<string>();
  const node =
    event.type === 'nodeConnected' || event.type === 'nodeDisconnected'
      ? event.node
      : event.type === 'timer' && event.timer.kind === 'away'
        ? event.timer.node
        : undefined;
  for (const site of state.sites.values()) {
    const isEverywhere = event.type === 'configured' || event.type === 'started';
    if (isEverywhere || (node !== undefined && site.members.has(node))) names.add(site.name);
  }
  for (const effect of turn.effects) {
    switch (effect.do) {
      case 'saveSite':
      case 'saveNodeSite':
      case 'drain':
      case 'restore':
        names.add(effect.site);
        break;
      case 'saveJob':
      case 'saveJobNode': {
        const job = state.jobs.get(effect.job);
        if (job !== undefined) names.add(job.site);
        break;
      }
      default:
    }
  }
  if (event.type === 'drained' || event.type === 'restored') names.add(event.site);
  return [...names].filter((name) => state.sites.has(name)).sort();
}
