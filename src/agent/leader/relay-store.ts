// What this node holds for the others of its segment: which assignments, where each comes from, and how long it stays (LEAD-30 to LEAD-36). It fetches
// each once, whoever asks for it.

import { join } from 'node:path';
import { blockCount } from '../../assignment/block-layout.ts';
import { type Manifest, readManifest } from '../../assignment/read-manifest.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { AgentLog } from '../session/agent-log.ts';
import { reportableError } from '../session/reportable-error.ts';
import type { ReceivedBlocks } from '../store/site-store.ts';
import type { ContentSupply } from './content-supply.ts';
import { createRelayContent, type RelayContent } from './relay-content.ts';
import { createRelayFiles } from './relay-files.ts';

export interface RelayStore {
  /** Has its supply bring what is missing of it, unless one is under way. `onFailed` once, when it cannot be had whole. */
  want(wanted: WantedContent, onFailed: (error: TreecastError) => void): RelayContent;
  /** As {@link want}; but a supply that is under way already makes way for this one. */
  takeOver(wanted: WantedContent, onFailed: (error: TreecastError) => void): RelayContent;
  /** What is here of it, whole or not, also from before a restart; undefined: nothing. */
  find(assignment: string): Promise<RelayContent | undefined>;
  contents(): readonly StoredContent[];
  close(): Promise<void>;
}

export interface WantedContent {
  readonly id: string;
  readonly site: string;
  readonly supply: ContentSupply;
}

export interface StoredContent {
  readonly assignment: string;
  readonly site: string;
  readonly blocks: number;
  readonly held: number;
  readonly fromMembers: number;
}

export interface RelayStoreOptions {
  /** The agent's state directory. */
  readonly directory: string;
  readonly verifySignature: (bytes: Uint8Array, signature: Uint8Array) => boolean;
  readonly received: (assignment: string) => ReceivedBlocks | null;
  /** What was here of it is not any more: all of it was removed, or a block is not as it was written. */
  readonly onLost: (assignment: string, what: 'all' | 'block') => void;
  readonly keepMs: number;
  readonly clock: Clock;
  readonly log: AgentLog;
}

interface Row {
  readonly content: RelayContent;
  /** While it is being fetched. */
  fetching: Fetching | undefined;
  readonly onFailed: Set<(error: TreecastError) => void>;
  fromMembers: number;
}

interface Fetching {
  readonly supply: ContentSupply;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

const sweepEveryMs = 60_000;

export function createRelayStore(options: RelayStoreOptions): RelayStore {
  const { clock, log } = options;
  const directory = join(options.directory, 'relay');
  // Ages of files are by the wall clock, as their times are.
  const files = createRelayFiles(directory, Date.now);
  const rows = new Map<string, Row>();
  /** When each was used last, of all that are on disk or open. */
  const usedAt = new Map<string, number>();
  /** Bytes of those that are coming in, whole: what has not come yet is room that is taken. */
  const claims = new Map<string, number>();
  let claiming: Promise<void> = Promise.resolve();
  const removals = new Map<string, Promise<void>>();
  const loading = new Map<string, Promise<RelayContent | undefined>>();
  let closed = false;
  let cancelSweep: (() => void) | undefined;

  const recovered = files.recover().then(
    (ids) => {
      for (const id of ids) use(id);
    },
    (error: unknown) => log.warn({ err: error }, 'what was kept for the segment cannot be read'),
  );

  function use(id: string): void {
    usedAt.set(id, clock.now());
  }

  /** Whoever waits for it is not left waiting when nothing brings it again. */
  function blockLost(id: string): void {
    const row = rows.get(id);
    if (row !== undefined && row.fetching === undefined) row.content.end(notComing(id));
    options.onLost(id, 'block');
  }

  function createContent(id: string): RelayContent {
    return createRelayContent({
      assignment: id,
      readManifest: () => files.readManifest(id),
      onUse: () => use(id),
      onLost: () => blockLost(id),
    });
  }

  function addRow(id: string): Row {
    const row: Row = {
      content: createContent(id),
      fetching: undefined,
      onFailed: new Set(),
      fromMembers: 0,
    };
    rows.set(id, row);
    return row;
  }

  function read(bytes: Uint8Array, id: string): Manifest {
    const manifest = readManifest(bytes, { verifySignature: options.verifySignature });
    if (manifest.header.id === id) return manifest;
    throw new TreecastError('ASSIGNMENT_MALFORMED', `The manifest is not that of assignment ${id}.`);
  }

  /** Undefined when it is not there, or not to be believed any more. */
  async function readKept(id: string): Promise<Manifest | undefined> {
    const bytes = await files.readManifest(id);
    if (bytes === undefined) return undefined;
    try {
      return read(bytes, id);
    } catch {
      await files.remove(id);
      return undefined;
    }
  }

  /** LEAD-34: the longest unused go first; throws SPACE_INSUFFICIENT when that is not enough. */
  async function makeRoom(id: string, bytes: number): Promise<void> {
    const ids = [...usedAt.keys()];
    const max = await files.bytesMax(ids);
    let used = 0;
    for (const other of ids)
      if (other !== id) used += Math.max(await files.bytesOf(other), claims.get(other) ?? 0);
    const idle = ids
      .filter((other) => other !== id && isIdle(other))
      .sort((a, b) => (usedAt.get(a) ?? 0) - (usedAt.get(b) ?? 0));
    for (const other of idle) {
      if (used + bytes <= max) return;
      used -= await files.bytesOf(other);
      await remove(other);
    }
    if (used + bytes <= max) return;
    throw new TreecastError(
      'SPACE_INSUFFICIENT',
      `Assignment ${id} needs ${bytes} bytes in ${directory}, and no more than ${Math.max(0, max - used)} may be used.`,
      { fix: 'Free space there; meanwhile its members fetch from the CCM.' },
    );
  }

  /** One after the other, so that no two are given the same room. */
  function claim(id: string, bytes: number): Promise<void> {
    const claimed = claiming.then(async () => {
      await makeRoom(id, bytes);
      claims.set(id, bytes);
    });
    claiming = claimed.catch(() => undefined);
    return claimed;
  }

  function isIdle(id: string): boolean {
    return rows.get(id)?.fetching === undefined && !loading.has(id);
  }

  function remove(id: string): Promise<void> {
    const row = rows.get(id);
    rows.delete(id);
    usedAt.delete(id);
    const gone = new TreecastError('NOT_FOUND', `Assignment ${id} is not kept here any more.`);
    const removal = (async () => {
      await row?.content.close(gone);
      await files.remove(id);
      options.onLost(id, 'all');
    })().finally(() => removals.delete(id));
    removals.set(id, removal);
    return removal;
  }

  async function begin(row: Row, manifest: Manifest, isKept: boolean): Promise<void> {
    const { id, data } = manifest.header;
    await claim(id, manifest.bytes.length + data.bytes);
    // What is there stays: somebody may be reading it.
    if (!isKept) await files.writeManifest(id, manifest.bytes);
    await row.content.begin(manifest, await files.openData(id));
  }

  async function takeOwn(content: RelayContent, id: string): Promise<void> {
    const own = options.received(id);
    if (own === null) return;
    for (const index of content.missing()) {
      const block = own.read(index);
      if (block !== null) await content.write(index, block);
    }
  }

  async function fetch(row: Row, { id, site, supply }: WantedContent, signal: AbortSignal): Promise<void> {
    const { content } = row;
    const startedAt = clock.now();
    await recovered;
    await removals.get(id);
    if (content.header() === undefined) {
      const own = options.received(id);
      const kept = await readKept(id);
      const manifest =
        kept ??
        (own === null ? await supply.manifest((bytes) => read(bytes, id), signal) : read(own.manifest, id));
      if (manifest.header.site !== site) {
        throw new TreecastError('ASSIGNMENT_MALFORMED', `Assignment ${id} is not one of site ${site}.`);
      }
      await begin(row, manifest, kept !== undefined);
    }
    const resumed = content.heldCount();
    await takeOwn(content, id);
    row.fromMembers += await supply.blocks(content.header() as AssignmentHeader, content, signal);
    const ms = clock.now() - startedAt;
    const { fromMembers } = row;
    log.info(
      { site, assignment: id, blocks: content.heldCount(), resumed, fromMembers, ms },
      'held for the segment',
    );
  }

  function start(row: Row, wanted: WantedContent): void {
    const last = row.fetching;
    last?.stop.abort();
    const stop = new AbortController();
    const { id, site, supply } = wanted;
    const isLast = (): boolean => row.fetching?.stop === stop;
    const run = async (): Promise<void> => {
      await last?.done;
      try {
        await fetch(row, wanted, stop.signal);
      } catch (cause) {
        // Another supply goes on with it.
        if (!isLast()) return;
        const error = asTold(cause);
        row.content.end(error);
        if (stop.signal.aborted) return;
        const level = error.code === 'ABORTED' ? 'info' : 'warn';
        log[level](
          { site, assignment: id, code: error.code, err: cause },
          'an assignment cannot be held for the segment',
        );
        for (const tell of row.onFailed) tell(error);
        // Room that helps nobody, on a disk that has none.
        const isDisk = error.code === 'SPACE_INSUFFICIENT' || error.code === 'DISK_FAILED';
        row.fetching = undefined;
        if (isDisk || row.content.header() === undefined) await remove(id).catch(() => undefined);
      } finally {
        if (isLast()) row.fetching = undefined;
        if (row.fetching === undefined) {
          claims.delete(id);
          row.onFailed.clear();
        }
      }
    };
    // Known to be under way before anything of it runs.
    row.fetching = { supply, stop, done: Promise.resolve().then(run) };
  }

  async function load(id: string): Promise<RelayContent | undefined> {
    const manifest = await readKept(id);
    if (manifest === undefined || rows.has(id) || closed) return rows.get(id)?.content;
    const content = createContent(id);
    await content.begin(manifest, await files.openData(id));
    content.end(notComing(id));
    const known = rows.get(id);
    if (known !== undefined || closed) {
      await content.close(notComing(id));
      return known?.content;
    }
    rows.set(id, { content, fetching: undefined, onFailed: new Set(), fromMembers: 0 });
    return content;
  }

  function sweep(): void {
    cancelSweep = clock.after(Math.min(sweepEveryMs, options.keepMs), () => {
      // Members follow closely behind; who comes later takes it from the disk.
      for (const { fetching, content } of rows.values()) if (fetching === undefined) content.rest();
      const until = clock.now() - options.keepMs;
      const unused = [...usedAt].filter(([id, at]) => at <= until && isIdle(id));
      for (const [id] of unused) {
        remove(id).catch((error: unknown) =>
          log.warn({ err: error }, 'what the segment used cannot be removed'),
        );
      }
      sweep();
    });
  }
  sweep();

  async function find(id: string): Promise<RelayContent | undefined> {
    await recovered;
    if (!usedAt.has(id) || closed) return undefined;
    use(id);
    const row = rows.get(id);
    if (row !== undefined) return row.content;
    const known = loading.get(id);
    if (known !== undefined) return known;
    const opening = load(id)
      .catch(() => undefined)
      .finally(() => loading.delete(id));
    loading.set(id, opening);
    return opening;
  }

  function ask(
    wanted: WantedContent,
    onFailed: (error: TreecastError) => void,
    takesOver: boolean,
  ): RelayContent {
    const row = rows.get(wanted.id) ?? addRow(wanted.id);
    use(wanted.id);
    const { content, fetching } = row;
    const isWhole = content.header() !== undefined && content.missing().length === 0;
    if (isWhole || closed) return content;
    row.onFailed.add(onFailed);
    if (fetching === undefined || (takesOver && fetching.supply !== wanted.supply)) {
      content.resume();
      start(row, wanted);
    }
    return content;
  }

  return {
    want: (wanted, onFailed) => ask(wanted, onFailed, false),
    takeOver: (wanted, onFailed) => ask(wanted, onFailed, true),
    find,
    contents: () =>
      [...rows].flatMap(([assignment, { content, fromMembers }]) => {
        const header = content.header();
        if (header === undefined) return [];
        const { site } = header;
        return [{ assignment, site, blocks: blockCount(header), held: content.heldCount(), fromMembers }];
      }),
    async close() {
      closed = true;
      cancelSweep?.();
      const under = [...rows.values()].flatMap(({ fetching }) => fetching ?? []);
      for (const { stop } of under) stop.abort();
      await Promise.allSettled([recovered, ...under.map(({ done }) => done), ...loading.values()]);
      for (const row of rows.values()) await row.content.close(notComing(row.content.assignment));
    },
  };
}

function notComing(id: string): TreecastError {
  return new TreecastError('NOT_FOUND', `This node does not fetch assignment ${id}.`);
}

function asTold(error: unknown): TreecastError {
  if (error instanceof TreecastError) return error;
  const { code, message, fix } = reportableError(error, null);
  return new TreecastError(code, message, { cause: error, ...(fix === undefined ? {} : { fix }) });
}
