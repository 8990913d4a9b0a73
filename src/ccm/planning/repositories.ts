// The CCM's staging repositories: one open Git source each, made when a site first names it.

import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepository } from '../../git-source/create-repository.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import { createNativeGitSource, type NativeGitSource } from '../../git-source/native-git-source.ts';
import type { Quarantine } from '../../git-source/push-authority.ts';
import { pushDirectories, pushProcesses } from '../../git-source/push-processes.ts';
import { recoverRepository } from '../../git-source/recover-repository.ts';

export interface Repositories {
  readonly directory: string;
  /** Makes the repository, or clears away what a crash left in it and brings its configuration and hooks up to date. */
  ensure(repository: string, branch: string): Promise<void>;
  source(repository: string): GitSource;
  /** The repository seen from inside a push; the caller closes it. */
  inQuarantine(repository: string, quarantine: Quarantine): GitSource;
  close(): Promise<void>;
}

/** `onRecovered` is told of every leftover of a crash that was removed. */
export function createRepositories(
  directory: string,
  onRecovered: (repository: string, removed: string) => void,
): Repositories {
  const sources = new Map<string, NativeGitSource>();
  const ensured = new Map<string, Promise<void>>();
  const failed = new Set<string>();
  /** What a CCM that was killed may have left running. */
  const receiving = pushDirectories();

  function source(repository: string): NativeGitSource {
    let known = sources.get(repository);
    if (known === undefined) {
      known = createNativeGitSource(join(directory, `${repository}.git`));
      sources.set(repository, known);
    }
    return known;
  }

  async function open(repository: string, branch: string): Promise<void> {
    const path = join(directory, `${repository}.git`);
    await createRepository(path, { branch });
    // It could not be opened before, and authors may have been quicker than this when it was mended.
    if (failed.has(repository) && (await pushProcesses(path)).length > 0) return;
    for (const removed of await recoverRepository(path, 'start', receiving.has(await realpath(path))))
      onRecovered(repository, removed);
  }

  return {
    directory,
    ensure(repository, branch) {
      let done = ensured.get(repository);
      if (done === undefined) {
        done = open(repository, branch);
        ensured.set(repository, done);
        done.catch(() => {
          ensured.delete(repository);
          failed.add(repository);
        });
      }
      return done;
    },
    source,
    inQuarantine: (repository, quarantine) => source(repository).inQuarantine(quarantine),
    async close() {
      await Promise.all([...sources.values()].map((known) => known.close()));
      sources.clear();
    },
  };
}
