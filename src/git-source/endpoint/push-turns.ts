// Keeps pushes and the clearing-up of a repository apart. When a receive-pack was killed, what it left is cleared away as soon as no push is
// being received into that repository, and before the next one is (N26); pushes that run are never touched.

import { recoverRepository } from '../recover-repository.ts';

export interface PushTurns {
  /** Waits while the repository is cleared up. The answer is to be called when Git has ended, or was not started; again does nothing. */
  enter(repositoryPath: string): Promise<(wasKilled: boolean) => void>;
  /** Resolves when nothing is being cleared up. */
  settled(): Promise<void>;
}

export interface PushTurnsOptions {
  readonly onRecovered: (repositoryPath: string, removed: readonly string[]) => void;
  readonly onError: (repositoryPath: string, error: unknown) => void;
}

interface Turns {
  running: number;
  isDirty: boolean;
  clearing: Promise<void> | undefined;
}

export function createPushTurns({ onRecovered, onError }: PushTurnsOptions): PushTurns {
  const repositories = new Map<string, Turns>();

  function clear(path: string, turns: Turns): Promise<void> {
    turns.clearing ??= recoverRepository(path, 'push')
      .then((removed) => {
        turns.isDirty = false;
        onRecovered(path, removed);
      })
      .catch((error: unknown) => onError(path, error))
      .finally(() => {
        turns.clearing = undefined;
      });
    return turns.clearing;
  }

  return {
    async enter(path) {
      const turns = repositories.get(path) ?? { running: 0, isDirty: false, clearing: undefined };
      repositories.set(path, turns);
      if (turns.isDirty && turns.running === 0) await clear(path, turns);
      while (turns.clearing !== undefined) await turns.clearing;
      turns.running += 1;
      let hasLeft = false;
      return (wasKilled) => {
        if (hasLeft) return;
        hasLeft = true;
        turns.running -= 1;
        turns.isDirty ||= wasKilled;
        if (turns.isDirty && turns.running === 0) void clear(path, turns);
      };
    },
    async settled() {
      await Promise.all([...repositories.values()].flatMap(({ clearing }) => clearing ?? []));
    },
  };
}
