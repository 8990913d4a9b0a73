// Writes the files that are made from code: node src/cli/published/write-published-files.ts

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { publishedFiles, repositoryRoot } from './published-files.ts';

for (const { path, text } of await publishedFiles()) {
  const target = join(repositoryRoot, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
}
