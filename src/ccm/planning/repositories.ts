// The CCM's staging repositories: one open Git source each, made when a site first names it.

import { join } from 'node:path';
import { createRepository } from '../../git-source/create-repository.ts';
import type { GitSource } from '../../git-source/git-source.ts';
import { createNativeGitSource, type NativeGitSource } from '../../git-source/native-git-source.ts';
import type { Quarantine } from '../../git-source/push-authority.ts';

export interface Repositories {
  readonly directory: string;
  /** Makes the repository, or brings an existing one's configuration and hooks up to date. */
  ensure(repository: string, branch: string): Promise<void>;
  source(repository: string): GitSource;
  /** The repository seen from inside a push; the caller closes it. */
  inQuarantine(repository: string, quarantine: Quarantine): GitSource;
  close(): Promise<void>;
}

export function createRepositories(directory: string): Repositories {
  const sources = new Map<string, NativeGitSource>();
  const ensured = new Map<string, Promise<void>>();

  function source(repository: string): NativeGitSource {
    let open = sources.get(repository);
    if (open === undefined) {
      open = createNativeGitSource(join(directory, `${repository}.git`));
      sources.set(repository, open);
    }
    return open;
  }

  return {
    directory,
    ensure(repository, branch) {
      let done = ensured.get(repository);
      if (done === undefined) {
        done = createRepository(join(directory, `${repository}.git`), { branch });
        ensured.set(repository, done);
        done.catch(() => ensured.delete(repository));
      }
      return done;
    },
    source,
    inQuarantine: (repository, quarantine) => source(repository).inQuarantine(quarantine),
    async close() {
      await Promise.all([...sources.values()].map((open) => open.close()));
      sources.clear();
    },
  };
}
