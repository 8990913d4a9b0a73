// A directory for one test, removed after it.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestScope {
  after(run: () => void | Promise<void>): void;
}

export function temporaryDirectory(t: TestScope): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'treecast-net-')));
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 20 }));
  return directory;
}
