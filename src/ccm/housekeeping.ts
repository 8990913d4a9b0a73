// What the CCM does now and then by itself: looks for pushes whose event was lost, copies the database's log back, gives back what nobody needs.

import type { Logger } from 'pino';
import type { CcmDatabase } from './db/ccm-database.ts';
import type { Retention } from './planning/retention.ts';

export interface HousekeepingOptions {
  readonly recover: () => Promise<void>;
  readonly recoverIntervalMs: number | undefined;
  readonly database: Pick<CcmDatabase, 'checkpoint'>;
  readonly retention: Pick<Retention, 'tidy'>;
  /** No job is open. */
  readonly isIdle: () => boolean;
  readonly logger: Pick<Logger, 'warn'>;
}

const checkpointIntervalMs = 30_000;
const recoverIntervalMsDefault = 60_000;

/** Returns how to stop. */
export function startHousekeeping(options: HousekeepingOptions): () => void {
  const { retention, database, logger } = options;
  const recovering = setInterval(
    () => void options.recover(),
    options.recoverIntervalMs ?? recoverIntervalMsDefault,
  );
  // What a crash kept from being given back.
  void retention.tidy();
  // Left to itself, SQLite would copy the log back in the middle of some push.
  const checkpointing = setInterval(() => {
    if (!options.isIdle()) return;
    try {
      database.checkpoint();
    } catch (error) {
      // The log only grows a little longer.
      logger.warn({ err: error }, 'the database’s log could not be copied back');
    }
    void retention.tidy();
  }, checkpointIntervalMs);
  return () => {
    clearInterval(recovering);
    clearInterval(checkpointing);
  };
}
