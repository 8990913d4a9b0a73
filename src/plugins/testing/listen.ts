// A server inside a test's own process, on 127.0.0.1. What it answers, and when it is closed, is the test's.

import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

/** Answers the port: a free one unless one is named. HTTP servers are servers too. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
