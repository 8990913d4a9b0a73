// Answers one request from the live tree. `live` is resolved once, and again only when its release directory had gone by the
// time it was opened; so the tree id in the header, the ETag and the bytes are always of the same tree.

import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from '../../net/http/byte-range.ts';
import { parseByteRange } from '../../net/http/byte-range.ts';
import type { SiteStore } from '../store/site-store.ts';
import { contentTypeOf } from './content-type.ts';
import { noTreePage } from './no-tree-page.ts';
import type { OpenedFile, TreeOpener } from './open-in-tree.ts';
import { isRangeOfThis, isUnmodified } from './preconditions.ts';
import { isServed, parseRequestPath } from './request-path.ts';

/** Files up to this size are read at once, larger ones streamed. */
const readAtOnceBytes = 65_536;
const readBytes = 262_144;

export async function answerRequest(
  store: SiteStore | null,
  opener: TreeOpener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let live = store?.resolveLive() ?? null;
  response.setHeader('treecast-tree', live?.tree ?? 'none');
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendText(request, response, 405, 'Only GET and HEAD are answered here.', { allow: 'GET, HEAD' });
  }
  const path = parseRequestPath(request.url ?? '');
  if ('refused' in path) return sendStatus(request, response, path.refused);
  if (store === null || live === null) {
    return path.names.length === 0 ? sendNoTree(request, response) : sendStatus(request, response, 404);
  }
  const names = path.slash ? [...path.names, 'index.html'] : path.names;
  let opened = await opener.open(live.directory, names);
  if (opened === undefined) {
    const now = store.resolveLive();
    if (now !== null && now.directory !== live.directory) {
      live = now;
      response.setHeader('treecast-tree', live.tree);
      opened = await opener.open(live.directory, names);
    }
  }
  if (opened === undefined) return sendStatus(request, response, 404);
  try {
    if (opened.stats.isDirectory()) {
      if (path.slash) return sendStatus(request, response, 404);
      const location = `${path.rawPath}/${path.query}`;
      return sendText(request, response, 301, `Moved to ${location}`, { location });
    }
    // A symlink does not make a dotfile served.
    if (!isServed(opened.path.split('/'))) return sendStatus(request, response, 404);
    await sendFile(request, response, opened, store.blobIdOf(live.tree, opened.path), names.at(-1) ?? '');
  } finally {
    await opened.file.close();
  }
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { file, stats }: OpenedFile,
  blob: string | undefined,
  name: string,
): Promise<void> {
  const { size } = stats;
  const validators = {
    etag: blob === undefined ? undefined : `"${blob}"`,
    modifiedMs: Math.floor(stats.mtimeMs / 1_000) * 1_000,
  };
  if (validators.etag !== undefined) response.setHeader('etag', validators.etag);
  response.setHeader('last-modified', new Date(validators.modifiedMs).toUTCString());
  // Caches may keep it, and ask each time whether it is still live.
  response.setHeader('cache-control', 'no-cache');
  if (isUnmodified(request.headers, validators)) {
    response.writeHead(304).end();
    return;
  }
  response.setHeader('accept-ranges', 'bytes');
  const range =
    request.method === 'GET' && isRangeOfThis(request.headers, validators)
      ? parseByteRange(request.headers.range, size)
      : 'whole';
  if (range === 'unsatisfiable') {
    return sendText(request, response, 416, 'The range is outside of the file.', {
      'content-range': `bytes */${size}`,
    });
  }
  const { start, end } = range === 'whole' ? { start: 0, end: size - 1 } : range;
  response.writeHead(range === 'whole' ? 200 : 206, {
    'content-type': contentTypeOf(name),
    'content-length': end - start + 1,
    ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === 'HEAD' || size === 0) response.end();
  else await sendBytes(response, file, { start, end });
}

async function sendBytes(
  response: ServerResponse,
  file: FileHandle,
  { start, end }: ByteRange,
): Promise<void> {
  const length = end - start + 1;
  if (length > readAtOnceBytes) {
    const stream = file.createReadStream({ start, end, highWaterMark: readBytes, autoClose: false });
    await pipeline(stream, response);
    return;
  }
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(bytes, 0, length, start);
  // Headers promised `length`: a file that shrank under the store's feet must not pass for whole.
  if (bytesRead === length) response.end(bytes);
  else response.destroy();
}

function sendNoTree(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': noTreePage.length,
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : noTreePage);
}

function sendStatus(request: IncomingMessage, response: ServerResponse, status: 400 | 404): void {
  sendText(request, response, status, status === 404 ? 'Not found.' : 'The address is not well-formed.');
}

function sendText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(`${text}\n`);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': bytes.length,
    'cache-control': 'no-cache',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
