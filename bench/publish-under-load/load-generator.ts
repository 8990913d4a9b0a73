// The load, in a process of its own: open loop at a rate, or closed loop to find the capacity. Judges every response.
// Talks to its parent by IPC: {window} starts one and is answered with its figures, {clean} says which version caches must have by now.

import { Agent, type IncomingMessage, request } from 'node:http';
import { assetPath, assets, pagePath, pages, versionOf } from './site-content.ts';

export interface WindowRequest {
  readonly window: {
    readonly milliseconds: number;
    /** Requests a second; null: closed loop, as many as `concurrency` get done. */
    readonly rate: number | null;
    readonly concurrency: number;
  };
}

export interface CleanNotice {
  readonly clean: number;
}

export interface WindowFigures {
  readonly requests: number;
  /** No answer, or a status that is neither 200 nor 304. */
  readonly failed: number;
  /** Bytes of two versions, or not a whole page. */
  readonly torn: number;
  /** An older version than the caches were said to be clean of when the request began. */
  readonly stale: number;
  readonly conditional: number;
  /** Conditional requests of unchanged files that were not answered 304. */
  readonly lost304: number;
  /** Milliseconds from when each request was due. */
  readonly latencies: readonly number[];
  /** Releases and versions that came together in one response. */
  readonly pairs: readonly (readonly [string, number])[];
  readonly reasons: readonly string[];
}

const [host = '', ...portTexts] = process.argv.slice(2);
const [varnish = 0, haproxy = 0] = portTexts.map(Number);
/** Of ten requests, three go past the cache. */
const throughCacheOfTen = 7;
const headerName = 'treecast-release';
const agent = new Agent({ keepAlive: true, maxSockets: 512, scheduling: 'lifo' });
const etags = new Map<string, string>();
const reasonsMax = 5;
let clean = 0;
let turn = 0;

interface Tally {
  requests: number;
  failed: number;
  torn: number;
  stale: number;
  conditional: number;
  lost304: number;
  readonly latencies: number[];
  readonly pairs: Map<string, readonly [string, number]>;
  readonly reasons: string[];
}

/** Pages and assets in turn, through the cache and past it. */
function next(): { readonly path: string; readonly isPage: boolean; readonly port: number } {
  const index = turn++;
  const isPage = index % 2 === 0;
  const port = index % 10 < throughCacheOfTen ? varnish : haproxy;
  const path = isPage ? pagePath((index >> 1) % pages) : assetPath((index >> 1) % assets);
  return { path: `/${path}`, isPage, port };
}

function ask(tally: Tally, dueAt: number): Promise<void> {
  const { path, isPage, port } = next();
  const cleanBefore = clean;
  const etag = isPage ? undefined : etags.get(path);
  tally.requests += 1;
  return new Promise((resolve) => {
    const fail = (reason: string): void => {
      tally.failed += 1;
      if (tally.reasons.length < reasonsMax) tally.reasons.push(`${port}${path}: ${reason}`);
      resolve();
    };
    const headers = { host, ...(etag === undefined ? {} : { 'if-none-match': etag }) };
    const outgoing = request({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', (error) => fail(error.message));
      response.on('end', () => {
        tally.latencies.push(performance.now() - dueAt);
        const status = response.statusCode ?? 0;
        if (status !== 200 && status !== 304) return fail(`status ${status}`);
        if (isPage) judgePage(tally, response, Buffer.concat(pieces).toString('latin1'), cleanBefore);
        else judgeAsset(tally, path, response, etag !== undefined);
        resolve();
      });
    });
    outgoing.on('error', (error) => fail(error.message));
    outgoing.end();
  });
}

function judgePage(tally: Tally, { headers }: IncomingMessage, body: string, cleanBefore: number): void {
  const version = versionOf(body);
  if (version === undefined) {
    tally.torn += 1;
    return;
  }
  if (version < cleanBefore) tally.stale += 1;
  const release = String(headers[headerName]);
  tally.pairs.set(`${release} ${version}`, [release, version]);
}

function judgeAsset(
  tally: Tally,
  path: string,
  { statusCode, headers }: IncomingMessage,
  isConditional: boolean,
): void {
  if (isConditional) {
    tally.conditional += 1;
    if (statusCode !== 304) tally.lost304 += 1;
  }
  if (headers.etag !== undefined) etags.set(path, headers.etag);
}

async function runWindow({
  milliseconds,
  rate,
  concurrency,
}: WindowRequest['window']): Promise<WindowFigures> {
  const tally: Tally = {
    requests: 0,
    failed: 0,
    torn: 0,
    stale: 0,
    conditional: 0,
    lost304: 0,
    latencies: [],
    pairs: new Map(),
    reasons: [],
  };
  const startedAt = performance.now();
  const end = startedAt + milliseconds;
  const running = new Set<Promise<void>>();
  const begin = (dueAt: number): Promise<void> => {
    const one = ask(tally, dueAt);
    running.add(one);
    return one.finally(() => running.delete(one));
  };
  if (rate === null) {
    const worker = async (): Promise<void> => {
      while (performance.now() < end) await begin(performance.now());
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  } else {
    let sent = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now();
        while (sent < ((Math.min(now, end) - startedAt) / 1000) * rate) {
          void begin(startedAt + (sent / rate) * 1000);
          sent += 1;
        }
        if (now < end) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    await Promise.all(running);
  }
  return { ...tally, pairs: [...tally.pairs.values()] };
}

process.on('message', (message: WindowRequest | CleanNotice) => {
  if ('clean' in message) clean = Math.max(clean, message.clean);
  else void runWindow(message.window).then((figures) => process.send?.(figures));
});
process.on('disconnect', () => process.exit());
