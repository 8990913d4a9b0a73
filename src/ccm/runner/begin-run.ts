// What happens to the database once at every start, before anything else reads or writes it: whether it is a copy, whose run it is, its rows.

import type { Logger } from 'pino';
import type { CcmState } from '../ccm-state.ts';
import type { CoreState } from '../core/state.ts';
import type { Repositories } from '../planning/repositories.ts';
import { loadState } from './load-state.ts';
import { settleCopy } from './settle-copy.ts';

export async function beginRun(
  opened: CcmState,
  repositories: Repositories,
  logger: Logger,
  now: () => number,
): Promise<CoreState> {
  const { database, registry } = opened;
  if (opened.isCopiedBack) {
    logger.warn('the database was copied back from a backup: nothing of its time is published by itself');
    await settleCopy({
      database,
      events: registry.events,
      now: now(),
      headOf: async (repository, branch) => (await repositories.source(repository).branches()).get(branch),
    });
  }
  await opened.markRun();
  return loadState(database, now());
}
