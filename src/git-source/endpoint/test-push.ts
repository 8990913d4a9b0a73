// For tests: the body of a push as git would send it, and a socket on which a test sends it as slowly, as wrongly or as far as it likes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { GitServiceName } from './git-service.ts';
import { flushPacket, packet } from './pkt-line.ts';
import { clientEnvironment, type TestServer } from './test-server.ts';

export const noCommit = '0'.repeat(40);

/** The body of a push of one ref. */
export function bodyOf(
  { before = noCommit, commit, ref = 'refs/heads/main', capabilities }: RefUpdate,
  pack: Uint8Array,
): Buffer {
  return Buffer.concat([packet(`${before} ${commit} ${ref}\0 ${capabilities}`), flushPacket, pack]);
}

export interface RefUpdate {
  readonly before?: string | undefined;
  readonly commit: string;
  readonly ref?: string;
  readonly capabilities: string;
}

export async function pushBody(
  server: TestServer,
  commit: string,
  capabilities: string,
  ref = 'refs/heads/main',
): Promise<Buffer> {
  const git = spawn('git', ['pack-objects', '--revs', '--stdout', '-q'], {
    cwd: server.author,
    env: clientEnvironment,
  });
  git.stdin.end(`${commit}\n`);
  const parts: Buffer[] = [];
  for await (const part of git.stdout as AsyncIterable<Buffer>) parts.push(part);
  return bodyOf({ commit, ref, capabilities }, Buffer.concat(parts));
}

export interface RawPush {
  readonly socket: Socket;
  /** Everything that was answered; resolves when the connection has ended. */
  readonly answer: Promise<string>;
}

/** A connection that has sent the headers of a push; `headers` say how its body will come. */
export async function startRawPush(
  server: TestServer,
  headers: Readonly<Record<string, string>>,
  service: GitServiceName = 'git-receive-pack',
): Promise<RawPush> {
  const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const answer = new Promise<string>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
  const lines = Object.entries({
    host: 'x',
    authorization: `Basic ${Buffer.from('me:right').toString('base64')}`,
    'content-type': `application/x-${service}-request`,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`POST /site.git/${service} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return { socket, answer };
}
