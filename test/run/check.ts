// `npm run check`: what a developer runs before a commit, in under two minutes: static checks, the repository's own rules, unit tests.

import { conclude } from './conclude.ts';
import { printLine } from './print-line.ts';
import { repositoryRoot } from './repository-root.ts';
import { runStaticChecks } from './run-static-checks.ts';
import { runTests } from './run-tests.ts';

process.chdir(repositoryRoot);
const failed = await runStaticChecks(printLine);
const totals = await runTests({
  folders: ['test/tidy', 'test/run', 'src'],
  print: printLine,
  fileTimeoutMs: 60_000,
});
process.exitCode = conclude(totals, failed, printLine);
