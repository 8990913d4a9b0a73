// Planned commands → finished assignments (ARCHITECTURE §3.4): reads contents, chooses encodings, seals, signs, stores under the id.
// One assignment as a rule, several parts when the data is more than one may hold. Decides nothing about what is published.

import { type KeyObject, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { AssignmentFacts } from '../assignment/assignment-encoder.ts';
import { dictionaryBytesMax } from '../assignment/decode-payload.ts';
import { dataPlainBytesMax } from '../assignment/header-schema.ts';
import type { ContentKey } from '../assignment/seal.ts';
import { type AssignmentHeader, type Command, inlineBytesMax, type Payload } from '../model/assignment.ts';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { createSlices } from '../slices/slices.ts';
import type { BuildPool } from './build-pool.ts';
import { isCompressedType } from './compressed-type.ts';
import {
  type Content,
  type ContentSource,
  contentKeyOf,
  encodeWrites,
  type Prepared,
  prepareContents,
  repeatedBlobs,
} from './content-batches.ts';
import type { ContentPolicy, ContentRule } from './content-policy.ts';
import { createFileSink, createMemorySink } from './data-sink.ts';
import { encodeLargeFile } from './large-file.ts';
import { createPartBuilder, type PartBuilder } from './part-builder.ts';
import type { PlannedCommand, PlannedWrite } from './planned-command.ts';
import {
  type AssignmentPaths,
  assignmentPaths,
  storeAssignment,
  temporaryPrefix,
} from './store-assignment.ts';

export interface BuildInput {
  readonly plan: readonly PlannedCommand[];
  readonly facts: Omit<AssignmentFacts, 'part' | 'space'>;
  readonly policy: ContentPolicy;
  readonly contentKey: ContentKey;
  readonly signingKey: KeyObject;
  readonly readBlob: (id: ObjectId) => Promise<Buffer>;
  readonly streamBlob: (id: ObjectId) => AsyncIterable<Uint8Array>;
  /** An existing directory; only names made of the ids stay in it. */
  readonly outputDirectory: string;
  readonly pool: BuildPool;
  readonly signal?: AbortSignal;
  /** Plain bytes of data in one part at most; 4 GiB, less in tests. */
  readonly partBytesMax?: number;
}

export interface BuiltAssignment extends AssignmentPaths {
  readonly id: string;
  readonly header: AssignmentHeader;
  readonly manifestBytes: number;
  readonly dataBytes: number;
  /** Both files in memory when they may travel inside a notification (64 KiB together). */
  readonly inline?: { readonly manifest: Buffer; readonly data: Buffer };
  /**
   * Resolves when both files are durable under their names. An inline assignment can be sent before; whoever reads the files, or
   * promises that they are there, waits for it. Never an unhandled rejection.
   */
  readonly stored: Promise<void>;
}

/** Contents that all together are smaller stay in memory until they are stored. */
const memoryBytesMax = 1024 ** 2;

/** Parts in order. Throws ASSIGNMENT_TOO_LARGE for a file that fits in no part, the signal's reason, and what the readers throw; leaves no files then. */
export async function buildAssignments(input: BuildInput): Promise<BuiltAssignment[]> {
  const partBytesMax = input.partBytesMax ?? dataPlainBytesMax;
  const inMemory = contentBytes(input.plan) <= memoryBytesMax;
  const temporary = () => join(input.outputDirectory, `${temporaryPrefix}${randomUUID()}`);
  const parts: PartBuilder[] = [];
  const startPart = (): PartBuilder => {
    const part = createPartBuilder({
      createSink: (dataKey) =>
        inMemory
          ? createMemorySink(dataKey)
          : createFileSink({ dataKey, pool: input.pool, temporary: temporary() }),
      partBytesMax,
    });
    parts.push(part);
    return part;
  };

  try {
    let part = startPart();
    /** The part that takes a payload of this length: the current one, or a new one. */
    const partFor = async (length: number): Promise<PartBuilder> => {
      if (!part.hasRoom(length)) {
        await part.close();
        part = startPart();
      }
      return part;
    };
    const source = { ...input, repeated: await repeatedBlobs(input.plan) };
    const slices = createSlices();
    for await (const batch of prepareContents(input.plan, source)) {
      for (const prepared of batch) {
        await addCommand(prepared, { input: source, temporary, partFor, current: () => part });
        if (slices.due()) await slices.pause();
      }
      input.signal?.throwIfAborted();
      await part.drain();
    }
    await part.close();
    input.signal?.throwIfAborted();
    return await Promise.all(parts.map((each, i) => finishPart(each, i + 1, parts.length, input)));
  } catch (error) {
    await Promise.all(parts.map((each) => each.discard()));
    throw error;
  }
}

interface Build {
  readonly input: BuildInput & ContentSource;
  readonly temporary: () => string;
  readonly partFor: (length: number) => Promise<PartBuilder>;
  readonly current: () => PartBuilder;
}

async function addCommand({ command, content }: Prepared, build: Build): Promise<void> {
  switch (command.do) {
    case 'write':
      return addWrite(command, content, build);
    case 'symlink': {
      const { path, mtime } = command;
      const { text } = content as Extract<Content, { kind: 'target' }>;
      return build.current().add(command, { do: 'symlink', path, target: text, mtime });
    }
    case 'mode': {
      const { size: _, ...rest } = command;
      return build.current().add(command, rest);
    }
    default:
      return build.current().add(command, command);
  }
}

async function addWrite(command: PlannedWrite, content: Content, build: Build): Promise<void> {
  const { rule } = content as Exclude<Content, { kind: 'none' | 'target' }>;
  const key = build.input.repeated.has(command.blob) ? contentKeyOf(command, rule) : null;
  const known = key === null ? undefined : build.current().payload(key);
  const { part, data } =
    known === undefined
      ? await addContent(command, { key, rule, content }, build)
      : { part: build.current(), data: known };
  const { base, ...result } = command;
  const finished: Command =
    data.codec === 'zstd-base' && base !== undefined
      ? { ...result, do: 'patch', from: base.from, base: base.blob, data }
      : { ...result, data };
  part.add(command, finished);
}

interface PartPayload {
  readonly part: PartBuilder;
  readonly data: Payload;
}

/** Adds the payload to the part that has room for it. */
async function addContent(
  command: PlannedWrite,
  {
    key,
    rule,
    content,
  }: { readonly key: string | null; readonly rule: ContentRule; readonly content: Content },
  build: Build,
): Promise<PartPayload> {
  const { input } = build;
  const held =
    content.kind === 'file'
      ? content
      : content.kind === 'again' && command.size <= dictionaryBytesMax
        ? // It lies in an earlier part: once more for this one.
          (await encodeWrites([command], input))[0]
        : undefined;
  if (held?.kind === 'file') {
    const { codec, bytes } = held.encoded;
    const part = await build.partFor(bytes.length);
    return { part, data: part.addBytes(key, codec, rule.cipher, bytes) };
  }
  const large = await encodeLargeFile({
    open: () => input.streamBlob(command.blob),
    size: command.size,
    choice: rule.codec,
    compressed: isCompressedType(command.path),
    temporary: build.temporary(),
    signal: input.signal,
  });
  try {
    const part = await build.partFor(large.length);
    const data = await part.addPayload(key, large.codec, rule.cipher, large.pieces());
    if (data.length !== large.length)
      throw new TreecastError('BUG', `blob ${command.blob} has another size than planned`);
    return { part, data };
  } finally {
    await large.dispose();
  }
}

async function finishPart(
  part: PartBuilder,
  index: number,
  of: number,
  input: BuildInput,
): Promise<BuiltAssignment> {
  const { facts, contentKey, signingKey, outputDirectory } = input;
  const { header, bytes, content } = part.end({ ...facts, part: { index, of } }, { contentKey, signingKey });
  const stored = storeAssignment(outputDirectory, header.id, bytes, content);
  stored.catch(() => {});
  const built = {
    ...assignmentPaths(outputDirectory, header.id),
    id: header.id,
    header,
    manifestBytes: bytes.length,
    dataBytes: header.data.bytes,
    stored,
  };
  if ('bytes' in content && bytes.length + content.bytes.length <= inlineBytesMax) {
    return { ...built, inline: { manifest: bytes, data: content.bytes } };
  }
  await stored;
  return built;
}

function contentBytes(plan: readonly PlannedCommand[]): number {
  return plan.reduce((sum, command) => (command.do === 'write' ? sum + command.size : sum), 0);
}
