// A push that moved the ref but whose event was lost (a crash between ref move and job) is found by comparing each site's branch
// with the last head handled for it. Git is the truth; the event was only a hint.

import type { Logger } from 'pino';
import type { CcmService } from '../ccm-service.ts';
import { type CoreState, headUnknown } from '../core/state.ts';
import type { Repositories } from '../planning/repositories.ts';

export interface RecoverOptions {
  readonly state: CoreState;
  readonly repositories: Repositories;
  readonly service: Pick<CcmService, 'publish'>;
  readonly isPushing: (repository: string) => boolean;
  readonly logger: Pick<Logger, 'info' | 'error'>;
}

/** One search at a time: two would each make a job of what they find. Who asks while one is under way shares the next. */
export function createPushRecovery(options: RecoverOptions): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function start(): Promise<void> {
    running = recoverPushes(options).finally(() => {
      running = undefined;
    });
    return running;
  }

  return () => {
    if (next !== undefined) return next;
    if (running === undefined) return start();
    next = running.then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
}

async function recoverPushes({
  state,
  repositories,
  service,
  isPushing,
  logger,
}: RecoverOptions): Promise<void> {
  for (const { name, repository, branch } of [...state.sites.values()]) {
    try {
      const head = (await repositories.source(repository).branches()).get(branch);
      const site = state.sites.get(name);
      if (head === undefined || site === undefined || head === site.headHandled || isPushing(repository))
        continue;
      // What the branch holds may be older than what is served, or have been rolled back since (JOB-27, JOB-29).
      if (site.lost !== null || site.headHandled === headUnknown) continue;
      logger.info({ site: name, commit: head }, 'a push was found that no job had handled');
      await service.publish({
        site: name,
        commit: head,
        requestedBy: 'recovery',
        branchHead: head,
        allowDelete: false,
      });
    } catch (error) {
      logger.error({ err: error, site: name }, 'missed pushes could not be looked for');
    }
  }
}
