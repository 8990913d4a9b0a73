// What is published by itself after a database was copied back: nothing that any server would see (JOB-26, JOB-27).

import type { CcmService } from '../ccm-service.ts';
import type { CoreState } from '../core/state.ts';
import type { Repositories } from '../planning/repositories.ts';

interface MendOptions {
  readonly state: CoreState;
  readonly service: Pick<CcmService, 'publish'>;
}

/** Decides the live tree again, above what a node knows that came late. */
export async function republishLive({ state, service }: MendOptions, name: string): Promise<void> {
  const commit = state.sites.get(name)?.live?.commit;
  if (commit == null) return;
  await service.publish({
    site: name,
    commit,
    requestedBy: 'recovery',
    branchHead: null,
    allowDelete: true,
  });
}

/** When the branch holds the very tree that was decided last, publishing it changes no server, and the history goes on from there. */
export async function adoptBranch(
  { state, repositories, service }: MendOptions & { readonly repositories: Repositories },
  name: string,
): Promise<void> {
  const site = state.sites.get(name);
  if (site === undefined) return;
  const source = repositories.source(site.repository);
  const head = (await source.branches()).get(site.branch);
  if (head === undefined) return;
  const tree = await source.treeOf(head);
  if (tree !== site.lost?.decision.toTree || site.running !== null || site.queued.length > 0) return;
  await service.publish({
    site: name,
    commit: head,
    requestedBy: 'recovery',
    branchHead: head,
    allowDelete: true,
  });
}
