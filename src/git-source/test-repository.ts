// For tests: a real staging repository in a temporary directory, filled with whatever objects a test needs, odd and hostile ones too.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository } from './create-repository.ts';
import { gitEnvironment } from './git-environment.ts';
import { createTestObjects, looseObjectWriter, type TestObjects } from './test-objects.ts';

export { file, isTestFile, symlink, type TestFile, type TestTree, utf8Name } from './test-objects.ts';

export interface TestRepository extends TestObjects {
  readonly path: string;
  git(...args: readonly string[]): string;
  remove(): void;
}

export async function createTestRepository(): Promise<TestRepository> {
  const root = mkdtempSync(join(tmpdir(), 'treecast-git-'));
  const path = join(root, 'site.git');
  await createRepository(path);

  const objects = createTestObjects(looseObjectWriter(path));

  return {
    path,
    ...objects,
    git: (...args) =>
      execFileSync('git', ['--git-dir', path, ...args], {
        env: gitEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }).toString('utf8'),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
