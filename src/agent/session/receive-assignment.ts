// Brings an assignment into the inbox: from the message itself, or from a source by ranges. The store checks every byte.

import { blockRange } from '../../assignment/block-layout.ts';
import { manifestBytesMax } from '../../assignment/manifest-frame.ts';
import type { CcmMessage } from '../../model/messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { RangeClient } from '../../net/fetch/range-client.ts';
import type { InboxEntry, SiteStore } from '../store/site-store.ts';
import type { ProgressMeter } from './progress-meter.ts';

export type AssignmentMessage = Extract<CcmMessage, { readonly type: 'assignment' }>;

export interface Receiver {
  readonly ranges: RangeClient;
  /** Origin that a source's address is relative to. */
  readonly ccmUrl: string;
}

/** Resolves when the inbox has every block. Throws what the store or the source refuses, and ABORTED. */
export async function receiveAssignment(
  store: SiteStore,
  { id, site, source }: AssignmentMessage,
  { ranges, ccmUrl }: Receiver,
  progress: ProgressMeter,
  signal: AbortSignal,
): Promise<InboxEntry> {
  if (source.kind === 'inline') {
    const entry = await openInbox(store, Buffer.from(source.manifest, 'base64'), id, site);
    const data = Buffer.from(source.data, 'base64');
    return orPause(store, entry, async () => {
      for (const index of entry.missingBlocks()) {
        const { offset, length } = blockRange(entry.header, index);
        await entry.writeBlock(index, data.subarray(offset, offset + length));
      }
    });
  }
  const { ticket, manifestBytes, dataBytes } = source;
  if (manifestBytes > manifestBytesMax) {
    throw new TreecastError('ASSIGNMENT_TOO_LARGE', `The manifest has ${manifestBytes} bytes.`, {
      fix: `Publish the change in parts; a manifest may have ${manifestBytesMax} bytes.`,
    });
  }
  const manifest = await ranges.fetchFile(
    { url: addressOf(source.manifestUrl, ccmUrl), ticket, bytes: manifestBytes },
    signal,
  );
  const entry = await openInbox(store, manifest, id, site);
  progress.received(manifestBytes);
  return orPause(store, entry, () => {
    if (entry.header.data.bytes !== dataBytes) {
      throw new TreecastError('ASSIGNMENT_MALFORMED', 'The data is not as long as the manifest says.');
    }
    return ranges.fetchBlocks(
      {
        url: addressOf(source.dataUrl, ccmUrl),
        ticket,
        bytes: dataBytes,
        rangeOf: (index) => blockRange(entry.header, index),
      },
      entry.missingBlocks(),
      async (index, block) => {
        await entry.writeBlock(index, block);
        progress.received(block.length);
      },
      signal,
    );
  });
}

/** Of what does not arrive whole nobody keeps the claim on space. */
async function orPause(
  store: SiteStore,
  entry: InboxEntry,
  receive: () => Promise<void>,
): Promise<InboxEntry> {
  try {
    await receive();
    return entry;
  } catch (error) {
    store.pause(entry);
    throw error;
  }
}

async function openInbox(
  store: SiteStore,
  manifest: Uint8Array,
  id: string,
  site: string,
): Promise<InboxEntry> {
  const entry = await store.openInbox(manifest);
  if (entry.header.id === id && entry.header.site === site) return entry;
  await entry.discard();
  store.pause(entry);
  throw new TreecastError('ASSIGNMENT_MALFORMED', `The manifest is not that of assignment ${id}.`);
}

/** Tickets go to https addresses only, and TLS lets only the CCM's name answer there. */
function addressOf(url: string, ccmUrl: string): string {
  const address = URL.canParse(url, ccmUrl) ? new URL(url, ccmUrl) : undefined;
  if (address?.protocol === 'https:') return address.href;
  throw new TreecastError('MESSAGE_INVALID', `${JSON.stringify(url)} is not the address of a source.`);
}
