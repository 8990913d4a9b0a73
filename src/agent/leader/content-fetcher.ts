// Where a leader gets an assignment from: of a predecessor's what members hold already, the rest from the CCM (LEAD-35). Nothing that arrives is
// believed here: whoever asked checks manifest and blocks.

import { blockRange } from '../../assignment/block-layout.ts';
import { type AssignmentHeader, blockBytes } from '../../model/assignment.ts';
import type { Clock } from '../../net/clock.ts';
import { createRangeClient, type RangeClient } from '../../net/fetch/range-client.ts';
import type { Pace } from '../../net/rate/pacer.ts';
import type { TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { SegmentNeighbour } from '../segment/segment-view.ts';
import { type AssignmentMessage, addressOf, requireManifestSize } from '../session/receive-assignment.ts';
import { askHeld, type HeldElsewhere, segmentPortUrl } from './ask-held.ts';
import type { BlockIntake, ContentSupply } from './content-supply.ts';

export interface ContentFetcher {
  /** Of what this message brings: members first, then the CCM, by the message's ticket. */
  supplyOf(message: AssignmentMessage): ContentSupply;
  /** What members hold; how many blocks came. */
  fromMembers(
    content: { readonly id: string; readonly ticket: string },
    header: AssignmentHeader,
    intake: BlockIntake,
    signal: AbortSignal,
    /** Some of them hold some of it, which comes now. */
    onFound?: () => void,
  ): Promise<number>;
}

export interface ContentFetcherOptions {
  readonly ranges: RangeClient;
  readonly ccmUrl: string;
  readonly credentials: () => TlsCredentials;
  /** Members that are there and may hold some of it because another leader gave it to them. */
  readonly holders: () => readonly SegmentNeighbour[];
  /** What keeps what is fetched of that site from the CCM within limits (TREE-71). */
  readonly pace: (site: string) => Pace;
  readonly clock: Clock;
  readonly random: () => number;
}

/** More know nothing that these do not. */
const askedMax = 16;
const runBlocks = 64;
/** A member that gives no block in so long, or all of its share slower than this, is left for who else has it. */
const memberBlockMs = 10_000;
const memberBytesPerMs = 1_000;

export function createContentFetcher(options: ContentFetcherOptions): ContentFetcher {
  const { ranges, ccmUrl, credentials } = options;

  async function heldBy(id: string, ticket: string, signal: AbortSignal): Promise<HeldElsewhere[]> {
    const asked = options.holders().slice(0, askedMax);
    const answers = await Promise.all(
      asked.map((holder) => askHeld({ holder, assignment: id, ticket, credentials: credentials(), signal })),
    );
    return answers.flatMap((answer) => answer ?? []);
  }

  /** Tries a member once: whoever does not give, or drop by drop, is left for the CCM. */
  async function from(
    node: string,
    blocks: number,
    signal: AbortSignal,
    run: (client: RangeClient, signal: AbortSignal, onBlock: () => void) => Promise<void>,
  ): Promise<void> {
    const client = createRangeClient({ ...options, node, failuresMax: 0 });
    const late = new AbortController();
    const until = options.clock.now() + memberBlockMs + (blocks * blockBytes) / memberBytesPerMs;
    const wait = (): (() => void) =>
      options.clock.after(Math.min(memberBlockMs, until - options.clock.now()), () => late.abort());
    let cancel = wait();
    try {
      await run(client, AbortSignal.any([signal, late.signal]), () => {
        cancel();
        cancel = wait();
      });
    } catch {
      // What it did not give is still missing.
    } finally {
      cancel();
      client.close();
    }
  }

  async function fromMembers(
    { id, ticket }: { readonly id: string; readonly ticket: string },
    header: AssignmentHeader,
    intake: BlockIntake,
    signal: AbortSignal,
    onFound?: () => void,
  ): Promise<number> {
    if (intake.missing().length === 0) return 0;
    const holders = await heldBy(id, ticket, signal);
    const shares = shareOut(intake.missing(), holders);
    if (shares.length > 0) onFound?.();
    let came = 0;
    await Promise.all(
      shares.map(({ holder, indexes }) =>
        from(holder.node, indexes.length, signal, (client, either, onBlock) =>
          client.fetchBlocks(
            { ...dataOf(header, ticket), url: segmentPortUrl(holder, id, 'data') },
            indexes,
            async (index, block) => {
              await intake.write(index, block);
              came += 1;
              onBlock();
            },
            either,
          ),
        ),
      ),
    );
    return came;
  }

  return {
    fromMembers,
    supplyOf: ({ id, site, source }) => ({
      async manifest(read, signal) {
        if (source.kind === 'inline') return read(Buffer.from(source.manifest, 'base64'));
        const { manifestBytes: bytes, ticket } = source;
        requireManifestSize(bytes);
        const file = { url: addressOf(source.manifestUrl, ccmUrl), ticket, bytes, pace: options.pace(site) };
        return read(await ranges.fetchFile(file, signal));
      },

      async blocks(header, intake, signal) {
        if (source.kind === 'inline') {
          const data = Buffer.from(source.data, 'base64');
          for (const index of intake.missing()) {
            const { offset, length } = blockRange(header, index);
            await intake.write(index, data.subarray(offset, offset + length));
          }
          return 0;
        }
        const { ticket, dataUrl } = source;
        const came = await fromMembers({ id, ticket }, header, intake, signal);
        const file = { ...dataOf(header, ticket), url: addressOf(dataUrl, ccmUrl), pace: options.pace(site) };
        await ranges.fetchBlocks(file, intake.missing(), intake.write, signal);
        return came;
      },
    }),
  };
}

function dataOf(header: AssignmentHeader, ticket: string) {
  return { ticket, bytes: header.data.bytes, rangeOf: (index: number) => blockRange(header, index) };
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
