// A port for a server that ends and comes back in the same place: free now, and outside of the range that the kernel gives to outgoing
// connections, any of which could have taken it meanwhile, and of the ports of segments.

import { once } from 'node:events';
import { createServer } from 'node:net';

const [lowest, count] = [18_000, 14_000];
let tried = 0;

export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = lowest + ((process.pid * 13 + tried++) % count);
    const server = createServer();
    server.listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
