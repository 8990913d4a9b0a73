// The process around the CLI: standard streams, signals, exit code. bin/treecast starts it.

import { flushCompileCache } from 'node:module';
import { logIfOfPlugin } from '../plugins/host/plugin-of-error.ts';
import { run } from './run.ts';

// Node writes the cache that the launcher names when a process ends by itself, which services often do not.
setTimeout(flushCompileCache, 5000).unref();

// A promise that nothing waits for ends here too, when it is rejected.
process.on('uncaughtException', (error) => {
  // The sites of a service do not depend on what a plugin left running.
  if (logIfOfPlugin(error)) return;
  process.stderr.write(
    `error: ${error.stack ?? error.message} [BUG]\nThis is a defect in Treecast: please report it with the lines above.\n`,
  );
  process.exit(70);
});

const stop = new AbortController();
const readerGone = new AbortController();

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second time somebody means it.
    if (stop.signal.aborted) process.exit(130);
    stop.abort(name);
  });
}

// `treecast … | head` is no error: nobody reads any more, so nothing is left to say. Services go on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    if (stream === process.stdout) readerGone.abort();
  });
}

const code = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  signal: stop.signal,
  readerGone: readerGone.signal,
});
// Connections kept alive for reuse must not keep the process.
process.exit(code);
