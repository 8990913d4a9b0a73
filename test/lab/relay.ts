// Reaches a server on the loopback address of a namespace from this process's own network, through a socket in the file system, which
// namespaces do not divide. The machine's own network gets nothing but one more port on its loopback address.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Place, spawnAt } from './places.ts';
import { lineFrom, type Processes } from './processes.ts';

const inside = (path: string, port: number): string => `
  const { connect, createServer } = process.getBuiltinModule('node:net');
  const server = createServer((socket) => {
    const other = connect(${port}, '127.0.0.1');
    socket.pipe(other).pipe(socket);
    socket.on('error', () => other.destroy()).on('close', () => other.destroy());
    other.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  });
  server.listen(${JSON.stringify(path)}, () => process.stdout.write('ready\\n'));
  process.stdin.on('end', () => process.exit(0)).resume();
`;

/** The URL under which the server is reached here, for as long as the process that is added lives. */
export async function openRelay(place: Place, url: string, processes: Processes): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-relay-'));
  const path = join(directory, 'socket');
  const there = new URL(url);
  const child = spawnAt(place, process.execPath, ['-e', inside(path, Number(there.port))], {
    // Ends with this process, however that ends.
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.add(child);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const other = connect(path);
    socket.pipe(other).pipe(socket);
    for (const [one, its] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(one);
      one
        .on('error', () => its.destroy())
        .on('close', () => {
          sockets.delete(one);
          its.destroy();
        });
    }
  });
  child.once('exit', () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    void rm(directory, { recursive: true, force: true });
  });
  await lineFrom(child, (line) => line === 'ready');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  there.port = String((server.address() as AddressInfo).port);
  return there.href.replace(/\/$/, '');
}
