// Whether the CCM's database takes writes now: by the last batch of the core, and by a small write of its own where none was made lately.
// It only says so; who is refused meanwhile is for the push, the API and the agents' port to decide.

import type { Logger } from 'pino';
import type { TreecastError } from '../../model/treecast-error.ts';
import type { SettingRegistry } from '../registry/setting-registry.ts';

export interface DatabaseHealth {
  /** Throws DATABASE_UNAVAILABLE (or STATE_CORRUPT) when nothing can be written. */
  require(): void;
  /** What keeps the core's last batch from being written; undefined when it is. */
  readonly waitsFor: TreecastError | undefined;
  /** By the core's runner. */
  waiting(error: TreecastError): void;
  written(): void;
}

const trustedMs = 5_000;

export interface DatabaseHealthOptions {
  readonly settings: Pick<SettingRegistry, 'set'>;
  readonly now: () => number;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  /** Everything that waited is written. */
  readonly onGoingOn: () => void;
}

export function createDatabaseHealth({
  settings,
  now,
  logger,
  onGoingOn,
}: DatabaseHealthOptions): DatabaseHealth {
  let waitsFor: TreecastError | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  return {
    require() {
      if (waitsFor !== undefined) throw waitsFor;
      if (now() - triedAt < trustedMs) return;
      settings.set('written-at', String(now()));
      triedAt = now();
    },
    get waitsFor() {
      return waitsFor;
    },
    waiting(error) {
      const isNew = waitsFor === undefined;
      waitsFor = error;
      const { code, fix } = error;
      if (isNew) logger.error({ code, fix }, `${error.message} The CCM waits until it is written.`);
    },
    written() {
      const waited = waitsFor !== undefined;
      waitsFor = undefined;
      triedAt = now();
      if (!waited) return;
      logger.warn('the database takes writes again: the CCM goes on');
      onGoingOn();
    },
  };
}
