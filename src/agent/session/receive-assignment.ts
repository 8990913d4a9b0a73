// Brings an assignment into the inbox: from the message itself, or from one source after another. The store checks every byte.

import { blockRange } from '../../assignment/block-layout.ts';
import { manifestBytesMax } from '../../assignment/manifest-frame.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { AssignmentMessage, FetchedAssignment, SourcesOf } from '../content/content-source.ts';
import type { InboxEntry, SiteStore } from '../store/site-store.ts';
import type { AgentLog } from './agent-log.ts';
import type { ProgressMeter } from './progress-meter.ts';

export type { AssignmentMessage };

export interface Receiver {
  readonly sourcesOf: SourcesOf;
  readonly log: AgentLog;
}

/** Resolves when the inbox has every block. Throws what the store or the last source refuses, and ABORTED. */
export async function receiveAssignment(
  store: SiteStore,
  message: AssignmentMessage,
  receiver: Receiver,
  progress: ProgressMeter,
  signal: AbortSignal,
): Promise<InboxEntry> {
  const { id, site, source } = message;
  if (source.kind === 'url')
    return fetchAssignment(store, { ...message, source }, receiver, progress, signal);
  const entry = await openInbox(store, Buffer.from(source.manifest, 'base64'), id, site);
  const data = Buffer.from(source.data, 'base64');
  await orPause(store, entry, async () => {
    for (const index of entry.missingBlocks()) {
      const { offset, length } = blockRange(entry.header, index);
      await entry.writeBlock(index, data.subarray(offset, offset + length));
    }
  });
  return entry;
}

async function fetchAssignment(
  store: SiteStore,
  assignment: FetchedAssignment,
  { sourcesOf, log }: Receiver,
  progress: ProgressMeter,
  signal: AbortSignal,
): Promise<InboxEntry> {
  const { id, site, source } = assignment;
  const { manifestBytes, dataBytes } = source;
  requireManifestSize(manifestBytes);
  const sources = [...sourcesOf(assignment)];

  /** From the next source for as long as it is the source's fault. */
  async function fromAny<T>(take: (source: (typeof sources)[number]) => Promise<T>): Promise<T> {
    for (;;) {
      const [first, ...others] = sources;
      if (first === undefined) throw new TreecastError('BUG', 'an assignment has no source');
      try {
        return await take(first);
      } catch (error) {
        if (signal.aborted || others.length === 0 || !isSourcesFault(error)) throw error;
        log.info(
          { site, assignment: id, source: first.name, err: error },
          'the next source of an assignment',
        );
        sources.shift();
      }
    }
  }

  const entry = await fromAny(async (from) =>
    openInbox(store, await from.manifest(assignment, signal), id, site),
  );
  progress.received(manifestBytes);
  await orPause(store, entry, async () => {
    if (entry.header.data.bytes !== dataBytes) {
      throw new TreecastError('ASSIGNMENT_MALFORMED', 'The data is not as long as the manifest says.');
    }
    await fromAny((from) =>
      from.blocks(
        assignment,
        entry.header,
        entry.missingBlocks(),
        async (index, block) => {
          await entry.writeBlock(index, block);
          progress.received(block.length);
        },
        signal,
      ),
    );
  });
  return entry;
}

const sourcesFaults: ReadonlySet<string> = new Set([
  'ABORTED',
  'ASSIGNMENT_BLOCK_CORRUPT',
  'ASSIGNMENT_MALFORMED',
  'ASSIGNMENT_SIGNATURE_INVALID',
  'CCM_UNREACHABLE',
  'CERTIFICATE_EXPIRED',
  'CERTIFICATE_INVALID',
  'INVALID_INPUT',
  'NODE_REMOVED',
  'NOT_FOUND',
  'RATE_LIMITED',
  'TICKET_INVALID',
]);

function isSourcesFault(error: unknown): boolean {
  return error instanceof TreecastError && sourcesFaults.has(error.code);
}

/** Of what does not arrive whole nobody keeps the claim on space. */
async function orPause(store: SiteStore, entry: InboxEntry, receive: () => Promise<void>): Promise<void> {
  try {
    await receive();
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

/** Before any of it is fetched. Throws ASSIGNMENT_TOO_LARGE. */
export function requireManifestSize(bytes: number): void {
  if (bytes <= manifestBytesMax) return;
  throw new TreecastError('ASSIGNMENT_TOO_LARGE', `The manifest has ${bytes} bytes.`, {
    fix: `Publish the change in parts; a manifest may have ${manifestBytesMax} bytes.`,
  });
}

/** Tickets go to https addresses only, and TLS lets only the CCM's name answer there. */
export function addressOf(url: string, ccmUrl: string): string {
  const address = URL.canParse(url, ccmUrl) ? new URL(url, ccmUrl) : undefined;
  if (address?.protocol === 'https:') return address.href;
  throw new TreecastError('MESSAGE_INVALID', `${JSON.stringify(url)} is not the address of a source.`);
}
