// GET /assignments/<id>/{manifest,data,held} on the segment port (LEAD-33): what this node holds for others, also while it is still coming in. Who
// asks has shown a node's certificate; the ticket is checked here.

import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { blockAt, blockCount, blockRange } from '../../assignment/block-layout.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import { type ByteRange, parseByteRange } from '../../net/http/byte-range.ts';
import { sendJson } from '../../net/http/send-error.ts';
import { pacedPieces } from '../../net/rate/paced-pieces.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import { verifyTicket } from '../../net/tickets/ticket.ts';
import type { ReceivedBlocks } from '../store/site-store.ts';
import type { Serving } from '../tree/children.ts';
import { heldAnswer } from './ask-held.ts';
import type { RelayContent } from './relay-content.ts';
import type { RelayStore } from './relay-store.ts';

export interface ContentEndpointOptions {
  readonly store: Pick<RelayStore, 'find'>;
  readonly received: (assignment: string) => ReceivedBlocks | null;
  readonly ticketKeys: () => readonly KeyObject[];
  /** CCM time. */
  readonly now: () => number;
  readonly segment: () => string;
  readonly blockWaitMs: number;
  /** Absent: nobody but the segment's own nodes fetches here. */
  readonly tree?: TreeServing | undefined;
}

/** What other leaders take (TREE-53, TREE-54). */
export interface TreeServing {
  /** One of this segment's nodes, whatever its ticket. */
  isOwn(node: string): boolean;
  /** A request of another leader; undefined: nobody counts. Throws RATE_LIMITED. */
  serve(assignment: string, node: string): Serving | undefined;
  /** A transfer of that site to another leader begins: what keeps it within limits (TREE-71). */
  pace(site: string): Pace;
}

/** Throws what the request is refused for. */
export type ContentEndpoint = (
  request: IncomingMessage,
  response: ServerResponse,
  fetcher: string,
) => Promise<void>;

/** What an assignment can be taken from: the relay store, or an inbox of one of the node's own sites. */
interface Source {
  manifest(signal: AbortSignal): Promise<{ readonly header: AssignmentHeader; readonly bytes: Uint8Array }>;
  block(index: number, signal: AbortSignal): Promise<Buffer>;
  has(index: number): boolean;
  /** Its manifest is. */
  isHere(): boolean;
}

/** Another leader is told to ask again before the connection would be cut for silence (LEAD-23). */
const leaderWaitMs = 50_000;
const pathPattern = /^\/assignments\/([0-9a-f]{64})\/(manifest|data|held)$/;
const retryAfterS = '1';

export function createContentEndpoint(options: ContentEndpointOptions): ContentEndpoint {
  async function sourceOf(id: string): Promise<Source | undefined> {
    const content = await options.store.find(id);
    const own = options.received(id);
    if (content === undefined) return own === null ? undefined : inboxSource(own);
    if (own !== null) return besideInbox(content, own);
    return { ...content, isHere: () => content.header() !== undefined };
  }

  return async (request, response, fetcher) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new TreecastError('INVALID_INPUT', 'Only GET and HEAD are answered here.');
    }
    const [, id, part] = pathPattern.exec(request.url ?? '') ?? [];
    if (id === undefined) throw new TreecastError('NOT_FOUND', 'There is nothing at this address.');
    const [, ticket] = /^Ticket (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (ticket === undefined) throw new TreecastError('TICKET_INVALID', 'The request has no ticket.');
    const { fetcher: shownFor } = verifyTicket(ticket, {
      keys: options.ticketKeys(),
      assignment: id,
      fetcher,
      segment: options.segment(),
      now: options.now(),
    });
    const source = await sourceOf(id);
    if (source === undefined) throw notKept(id);
    const tree = shownFor === fetcher && options.tree?.isOwn(fetcher) === false ? options.tree : undefined;
    const waitMs = tree === undefined ? options.blockWaitMs : leaderWaitMs;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    // Whether it is alive is all that matters to whoever asks what there is.
    if (part === 'held' && !source.isHere()) return notYet(response);
    const serving = part === 'held' ? undefined : tree?.serve(id, fetcher);
    try {
      await answer(source);
    } catch (error) {
      // What does not come any more is not here; why is this node's matter.
      if (tree === undefined || gone.signal.aborted) throw error;
      throw notKept(id, error);
    } finally {
      serving?.end();
    }

    async function answer(source: Source): Promise<void> {
      /** Whoever waited in vain asks again, here or elsewhere; on a connection that has begun to answer it sees that by its end. */
      const within = async <T>(get: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
        const late = AbortSignal.timeout(waitMs);
        try {
          return await get(AbortSignal.any([gone.signal, late]));
        } catch (error) {
          if (late.aborted && !gone.signal.aborted) return undefined;
          throw error;
        }
      };
      const held = await within(source.manifest.bind(source));
      if (held === undefined) return notYet(response);
      const { header, bytes } = held;
      if (part === 'held')
        return sendJson(
          response,
          200,
          heldAnswer(blockCount(header), (index) => source.has(index)),
        );
      const size = part === 'manifest' ? bytes.length : header.data.bytes;
      const range = parseByteRange(request.headers.range, size);
      if (range === 'unsatisfiable') {
        response.writeHead(416, { 'content-range': `bytes */${size}`, 'content-length': 0 }).end();
        return;
      }
      const bounds = range === 'whole' ? { start: 0, end: size - 1 } : range;
      const head = (): void => {
        response.writeHead(range === 'whole' ? 200 : 206, {
          'content-type': 'application/octet-stream',
          'content-length': bounds.end - bounds.start + 1,
          'accept-ranges': 'bytes',
          ...(range === 'whole' ? {} : { 'content-range': `bytes ${bounds.start}-${bounds.end}/${size}` }),
        });
      };
      const pace = tree?.pace(header.site);
      if (request.method === 'HEAD' || bounds.end < bounds.start) {
        head();
        response.end();
      } else if (part === 'manifest') {
        head();
        await write(bytes.subarray(bounds.start, bounds.end + 1));
        response.end();
      } else await sendBlocks(header, source, bounds, head);

      async function write(content: Uint8Array): Promise<void> {
        for await (const piece of pace === undefined ? [content] : pacedPieces(content, pace)) {
          gone.signal.throwIfAborted();
          if (!response.write(piece)) await once(response, 'drain', { signal: gone.signal });
        }
      }

      async function sendBlocks(
        of: AssignmentHeader,
        from: Source,
        { start, end }: ByteRange,
        begin: () => void,
      ): Promise<void> {
        const last = blockAt(of, end);
        for (let index = blockAt(of, start); index <= last; index++) {
          const block = await within((signal) => from.block(index, signal));
          if (block === undefined) return notYet(response);
          if (!response.headersSent) begin();
          const { offset } = blockRange(of, index);
          const bytesOf = block.subarray(Math.max(0, start - offset), end - offset + 1);
          serving?.sent(of, index);
          await write(bytesOf);
        }
        response.end();
      }
    }
  };
}

function notKept(id: string, cause?: unknown): TreecastError {
  return new TreecastError('NOT_FOUND', `Assignment ${id} is not kept here.`, { cause });
}

function notYet(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = new TreecastError('CCM_UNREACHABLE', 'It has not arrived here yet.');
  sendJson(response, 503, { error: toWireError(error) }, { 'retry-after': retryAfterS });
}

function inboxSource(own: ReceivedBlocks): Source {
  return {
    manifest: async () => ({ header: own.header, bytes: own.manifest }),
    async block(index) {
      const block = own.read(index);
      if (block === null) throw new TreecastError('NOT_FOUND', `Block ${index} is not kept here.`);
      return block;
    },
    has: own.has,
    isHere: () => true,
  };
}

function besideInbox(content: RelayContent, own: ReceivedBlocks): Source {
  return {
    manifest: async (signal) =>
      content.header() === undefined ? { header: own.header, bytes: own.manifest } : content.manifest(signal),
    block: (index, signal) => {
      const block = content.has(index) ? null : own.read(index);
      return block === null ? content.block(index, signal) : Promise.resolve(block);
    },
    has: (index) => content.has(index) || own.has(index),
    isHere: () => true,
  };
}
