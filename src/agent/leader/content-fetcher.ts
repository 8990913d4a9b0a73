// Where a leader gets an assignment from: of a predecessor's what members hold already, the rest from the CCM (LEAD-35). Nothing that arrives is
// believed here: whoever asked checks manifest and blocks.

import { blockRange } from '../../assignment/block-layout.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { Clock } from '../../net/clock.ts';
import { createRangeClient, type RangeClient } from '../../net/fetch/range-client.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { SegmentNeighbour } from '../segment/segment-view.ts';
import { type AssignmentMessage, addressOf, requireManifestSize } from '../session/receive-assignment.ts';
import { askHeld, type HeldElsewhere, segmentPortUrl } from './ask-held.ts';

export interface ContentFetcher {
  manifest(message: AssignmentMessage, signal: AbortSignal): Promise<Uint8Array>;
  /** Hands over what `missing` names, from several sources at once; how many came from members. */
  blocks(
    message: AssignmentMessage,
    header: AssignmentHeader,
    missing: () => number[],
    onBlock: (index: number, block: Buffer) => Promise<void>,
    signal: AbortSignal,
  ): Promise<number>;
}

export interface ContentFetcherOptions {
  readonly ranges: RangeClient;
  readonly ccmUrl: string;
  readonly credentials: () => TlsCredentials;
  /** Members that are there and may hold some of it because another leader gave it to them. */
  readonly holders: () => readonly SegmentNeighbour[];
  readonly clock: Clock;
  readonly random: () => number;
}

/** More know nothing that these do not. */
const askedMax = 16;
const runBlocks = 64;

export function createContentFetcher(options: ContentFetcherOptions): ContentFetcher {
  const { ranges, ccmUrl, credentials } = options;

  async function heldBy({ id, source }: AssignmentMessage, signal: AbortSignal): Promise<HeldElsewhere[]> {
    if (source.kind === 'inline') return [];
    const asked = options.holders().slice(0, askedMax);
    const answers = await Promise.all(
      asked.map((holder) =>
        askHeld({ holder, assignment: id, ticket: source.ticket, credentials: credentials(), signal }),
      ),
    );
    return answers.flatMap((answer) => answer ?? []);
  }

  /** Tries a member once: whoever does not give is left for the CCM. */
  async function from<T>(node: string, run: (client: RangeClient) => Promise<T>): Promise<T | undefined> {
    const client = createRangeClient({ ...options, node, failuresMax: 0 });
    try {
      return await run(client);
    } catch {
      return undefined;
    } finally {
      client.close();
    }
  }

  return {
    async manifest(message, signal) {
      const { source } = message;
      if (source.kind === 'inline') return Buffer.from(source.manifest, 'base64');
      const { manifestBytes: bytes, ticket } = source;
      requireManifestSize(bytes);
      return ranges.fetchFile({ url: addressOf(source.manifestUrl, ccmUrl), ticket, bytes }, signal);
    },

    async blocks(message, header, missing, onBlock, signal) {
      const { id, source } = message;
      if (source.kind === 'inline') {
        const data = Buffer.from(source.data, 'base64');
        for (const index of missing()) {
          const { offset, length } = blockRange(header, index);
          await onBlock(index, data.subarray(offset, offset + length));
        }
        return 0;
      }
      const file = {
        ticket: source.ticket,
        bytes: header.data.bytes,
        rangeOf: (index: number) => blockRange(header, index),
      };
      const before = missing().length;
      const shares = shareOut(missing(), await heldBy(message, signal));
      await Promise.all(
        shares.map(({ holder, indexes }) =>
          from(holder.node, (client) =>
            client.fetchBlocks(
              { ...file, url: segmentPortUrl(holder, id, 'data') },
              indexes,
              onBlock,
              signal,
            ),
          ),
        ),
      );
      const left = missing();
      await ranges.fetchBlocks({ ...file, url: addressOf(source.dataUrl, ccmUrl) }, left, onBlock, signal);
      return before - left.length;
    },
  };
}

/** Each block to one of those that hold it: in runs of what one request brings, each to whoever has the least so far. */
export function shareOut(
  missing: readonly number[],
  holders: readonly HeldElsewhere[],
): { readonly holder: SegmentNeighbour; readonly indexes: readonly number[] }[] {
  const shares = holders.map(({ holder, has }) => ({ holder, has, indexes: [] as number[] }));
  let run: { readonly share: (typeof shares)[number]; readonly end: number } | undefined;
  for (const index of missing) {
    if (run === undefined || index >= run.end || !run.share.has(index)) {
      const able = shares.filter((share) => share.has(index));
      const share = able.sort((a, b) => a.indexes.length - b.indexes.length)[0];
      run = share && { share, end: index + runBlocks };
    }
    run?.share.indexes.push(index);
  }
  return shares.filter(({ indexes }) => indexes.length > 0);
}
