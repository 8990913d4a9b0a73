// `node test/run/tests.ts FOLDER…`: only the tests of some folders, judged as `npm test` judges them.

import { conclude } from './conclude.ts';
import { printLine } from './print-line.ts';
import { runTests } from './run-tests.ts';

const totals = await runTests({
  folders: process.argv.slice(2),
  print: printLine,
  fileTimeoutMs: Number(process.env['TEST_FILE_TIMEOUT_MS'] ?? 120_000),
});
process.exitCode = conclude(totals, [], printLine);
