// What is published by itself after a database was copied back: nothing that any server would see (JOB-26, JOB-27).

import type { Logger } from 'pino';
import type { WireError } from '../../model/treecast-error.ts';
import type { CcmService } from '../ccm-service.ts';
import type { CoreState } from '../core/state.ts';
import type { Repositories } from '../planning/repositories.ts';

export interface HistoryMending {
  /** Decides the live tree again, above what a node knows that came late. */
  republish(site: string): void;
  /** When the branch holds the very tree that was decided last, publishing it changes no server, and the history goes on from there. */
  historyLost(site: string, error: WireError): void;
}

export function createHistoryMending(options: {
  readonly state: CoreState;
  readonly repositories: Repositories;
  readonly service: () => Pick<CcmService, 'publish'>;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}): HistoryMending {
  const { state, repositories, logger } = options;

  async function publish(site: string, commit: string, branchHead: string | null): Promise<void> {
    await options.service().publish({ site, commit, requestedBy: 'recovery', branchHead, allowDelete: true });
  }

  async function republishLive(name: string): Promise<void> {
    const commit = state.sites.get(name)?.live?.commit;
    if (commit != null) await publish(name, commit, null);
  }

  async function adoptBranch(name: string): Promise<void> {
    const site = state.sites.get(name);
    if (site === undefined) return;
    const source = repositories.source(site.repository);
    const head = (await source.branches()).get(site.branch);
    if (head === undefined) return;
    const tree = await source.treeOf(head);
    if (tree !== site.lost?.decision.toTree || site.running !== null || site.queued.length > 0) return;
    await publish(name, head, head);
  }

  return {
    republish(site) {
      republishLive(site).catch((error: unknown) =>
        logger.error({ err: error, site }, 'the live tree could not be decided again'),
      );
    },
    historyLost(site, { code, message, fix }) {
      logger.warn({ site, code, fix }, message);
      adoptBranch(site).catch((error: unknown) =>
        logger.error({ err: error, site }, 'the branch could not be compared with what is served'),
      );
    },
  };
}
