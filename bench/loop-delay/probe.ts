// Loaded into the CCM before it starts (`--import`): measures how late its event loop is while somebody asks for it, over a socket:
// `start`, then `stop`, which answers with the figures. The loop's own timer ticks every 10 ms, which is in every figure.

import { unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

const socket = process.env['TREECAST_BENCH_PROBE'];

if (socket !== undefined && isMainThread && process.argv.slice(2, 4).join(' ') === 'ccm run') {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  createServer((connection) => {
    connection.setEncoding('utf8').on('data', (command: string) => {
      if (command === 'start') {
        delay.enable();
        delay.reset();
        connection.end('started');
      } else {
        delay.disable();
        connection.end(JSON.stringify({ p99_ms: delay.percentile(99) / 1e6, max_ms: delay.max / 1e6 }));
      }
    });
  })
    .listen(socket)
    .unref();
  process.on('exit', () => unlinkSync(socket));
}
