// `npm test`: everything that `npm run check` does, then every other test there is.

import { conclude } from './conclude.ts';
import { printLine } from './print-line.ts';
import { repositoryRoot } from './repository-root.ts';
import { runStaticChecks } from './run-static-checks.ts';
import { runTests } from './run-tests.ts';

process.chdir(repositoryRoot);
const failed = await runStaticChecks(printLine);
const totals = await runTests({
  folders: ['src', 'test', 'bench', 'plugins', 'examples'],
  print: printLine,
  fileTimeoutMs: 300_000,
});
process.exitCode = conclude(totals, failed, printLine);
