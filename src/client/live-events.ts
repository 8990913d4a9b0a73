// Live events of a CCM over its WebSocket, as an async iterable that holds the CCM back when its reader is slow.

import { WebSocket } from 'ws';
import type { EventResource } from '../model/api.ts';
import { explained, type HttpTransportOptions, throwIfError, unreachable } from './http-transport.ts';

export interface LiveEventsOptions {
  /** Begin with the events after this id; without it with what happens from now on. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

const queuedEventsMax = 1_000;

/**
 * Ends only by `break`, the signal, or an error: what the CCM refused with, or CCM_UNREACHABLE when the connection ends.
 * Begin again with `after` = the last id seen; nothing is lost.
 */
export async function* liveEvents(
  { api, token }: HttpTransportOptions,
  { after, signal }: LiveEventsOptions = {},
): AsyncGenerator<EventResource, void, undefined> {
  signal?.throwIfAborted();
  const url = new URL('/api/v1/events', api);
  if (after !== undefined) url.searchParams.set('after', String(after));
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    handshakeTimeout: 30_000,
    followRedirects: false,
  });
  const queue: EventResource[] = [];
  let failure: Error | undefined;
  let wake = (): void => undefined;
  const fail = (error: unknown): void => {
    failure ??= explained(error, api, signal);
    wake();
  };
  const onAbort = (): void => fail(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  socket.on('message', (data: Buffer) => {
    try {
      const value: unknown = JSON.parse(data.toString());
      throwIfError(value);
      queue.push(value as EventResource);
      if (queue.length >= queuedEventsMax) socket.pause();
      wake();
    } catch (error) {
      fail(error);
    }
  });
  socket.on('error', (error) => fail(new Error('WebSocket', { cause: error })));
  socket.on('close', (code) => fail(unreachable(api, `the live events ended (${code})`)));
  try {
    for (;;) {
      const event = queue.shift();
      if (event) {
        yield event;
        continue;
      }
      if (failure !== undefined) throw failure;
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (socket.isPaused) socket.resume();
      await woken;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    socket.terminate();
  }
}
