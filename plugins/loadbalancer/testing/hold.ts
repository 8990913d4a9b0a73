// A client in tests whose request stays open.

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';

export interface LongRequest {
  readonly server: string;
  /** Whether it was cut off. */
  readonly ended: Promise<'whole' | 'cut'>;
  close(): void;
}

/** A request for `/hold`: which server answers, and how it ends. */
export async function hold(port: number): Promise<LongRequest> {
  const response = await open(port, '/hold');
  const [first] = (await once(response, 'data')) as [Buffer];
  response.resume();
  const ended = new Promise<'whole' | 'cut'>((settle) => {
    response.on('end', () => settle('whole'));
    response.on('error', () => settle('cut'));
  });
  return { server: first.toString('utf8'), ended, close: () => response.destroy() };
}

async function open(port: number, path: string): Promise<IncomingMessage> {
  const sent = request({ host: '127.0.0.1', port, path, agent: false });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

/** Holds one request on each of these servers. */
export async function holdOn(port: number, server: string): Promise<LongRequest> {
  for (let tried = 0; tried < 50; tried++) {
    const long = await hold(port);
    if (long.server === server) return long;
    long.close();
  }
  throw new Error(`${server} gets nothing`);
}
