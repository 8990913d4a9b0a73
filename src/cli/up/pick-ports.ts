// Free TCP ports on a loopback address: the wanted ones where they are free, others where not.

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** One port for each wish (0: any), all different. They are free now; nobody keeps them free. */
export async function pickPorts(wishes: readonly number[], host: string): Promise<number[]> {
  const servers: Server[] = [];
  try {
    const ports: number[] = [];
    for (const wish of wishes) {
      const server = (await listen(wish, host)) ?? (await listen(0, host));
      if (server === undefined) continue;
      servers.push(server);
      const address = server.address();
      if (typeof address === 'object' && address !== null) ports.push(address.port);
    }
    return ports;
  } finally {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  }
}

export async function isPortFree(port: number, host: string): Promise<boolean> {
  const server = await listen(port, host);
  if (server === undefined) return false;
  await new Promise((closed) => server.close(closed));
  return true;
}

async function listen(port: number, host: string): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
