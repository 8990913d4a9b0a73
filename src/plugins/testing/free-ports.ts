// TCP ports of 127.0.0.1 that nobody listens on at this moment.

import { createServer } from 'node:net';
import { listen } from './listen.ts';

/** All different: they are held until the last one is known. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map((server) => listen(server)));
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
