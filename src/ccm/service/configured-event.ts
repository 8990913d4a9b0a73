// The registry's sites, groups and nodes as one event for the core.

import type { CoreEvent } from '../core/events.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { Registry } from '../registry/registry.ts';

export function configuredEvent(
  registry: Registry,
  database: CcmDatabase,
): Extract<CoreEvent, { type: 'configured' }> {
  const removed = database.all(database.queries.selectFrom('removed_sites').select(['name', 'epoch']));
  const formerEpochs = new Map(removed.map((row) => [row.name, row.epoch]));
  const epochs = new Map(
    database
      .all(database.queries.selectFrom('sites').select(['name', 'epoch']))
      .map((row) => [row.name, row.epoch]),
  );
  return {
    type: 'configured',
    sites: registry.sites.list().map((site) => ({
      name: site.name,
      epoch: epochs.get(site.name) ?? 1,
      formerEpoch: formerEpochs.get(site.name) ?? 0,
      repository: site.repository,
      branch: site.branch,
      policy: site.policy,
      members: registry.groups.membersOf(site.group),
    })),
    removedSites: removed.filter(({ name }) => !epochs.has(name)),
    nodes: registry.nodes.list().map(({ name, maintenance }) => ({ name, maintenance })),
  };
}
