// Reads and encodes the contents of planned commands ahead of their use: in batches, several at once, bytes in flight bounded,
// results in the order of the commands, so that the same plan always gives the same assignment.

import { dictionaryBytesMax } from '../assignment/decode-payload.ts';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { nextTurn } from '../slices/slices.ts';
import type { BuildPool } from './build-pool.ts';
import { isCompressedType } from './compressed-type.ts';
import type { ContentPolicy, ContentRule } from './content-policy.ts';
import type { EncodedFile, FileToEncode } from './encode-file.ts';
import type { PlannedCommand, PlannedWrite } from './planned-command.ts';

/** What a command needs beside itself; nothing for most kinds. */
export type Content =
  | { readonly kind: 'none' }
  | { readonly kind: 'target'; readonly text: string }
  | { readonly kind: 'file'; readonly rule: ContentRule; readonly encoded: EncodedFile }
  /** The same content under the same rule was encoded for an earlier command. */
  | { readonly kind: 'again'; readonly rule: ContentRule }
  /** Too large to be held: the consumer streams it when its turn has come. */
  | { readonly kind: 'large'; readonly rule: ContentRule };

export interface Prepared {
  readonly command: PlannedCommand;
  readonly content: Content;
}

export interface ContentSource {
  /** Blobs that more than one command writes: only of these is remembered what was encoded. */
  readonly repeated: ReadonlySet<ObjectId>;
  readonly policy: ContentPolicy;
  readonly readBlob: (id: ObjectId) => Promise<Buffer>;
  readonly pool: BuildPool;
}

const batchBytesMin = 1024 ** 2;
const batchCommandsMax = 256;
const commandsPerTurn = 16_384;
/** Contents read but not yet taken, old versions included. */
const inFlightBytesMax = 64 * 1024 ** 2;

/** Two contents that get the same encoding have the same key. */
export function contentKeyOf({ blob, base }: PlannedWrite, { codec, cipher }: ContentRule): string {
  return `${blob} ${base?.blob ?? ''} ${codec} ${cipher}`;
}

/** In a site of a million files nearly all are written once: remembering each would cost more memory than anything else here. */
export async function repeatedBlobs(plan: readonly PlannedCommand[]): Promise<Set<ObjectId>> {
  const once = new Set<ObjectId>();
  const repeated = new Set<ObjectId>();
  for (const [index, command] of plan.entries()) {
    if (command.do === 'write') {
      if (once.has(command.blob)) repeated.add(command.blob);
      else once.add(command.blob);
    }
    if (index % commandsPerTurn === commandsPerTurn - 1) await nextTurn();
  }
  return repeated;
}

export async function* prepareContents(
  plan: readonly PlannedCommand[],
  source: ContentSource,
): AsyncGenerator<Prepared[]> {
  const batches = batchesOf(plan);
  const started: { readonly bytes: number; readonly result: Promise<Prepared[]> }[] = [];
  const seen = new Set<string>();
  let inFlight = 0;
  let next = batches.next();
  while (started.length > 0 || !next.done) {
    while (
      !next.done &&
      (started.length === 0 ||
        (started.length < source.pool.threads + 2 && inFlight + next.value.bytes <= inFlightBytesMax))
    ) {
      const { commands, bytes } = next.value;
      const result = prepareBatch(commands, source, seen);
      // It is awaited in its turn; until then a failure must not count as unhandled.
      result.catch(() => {});
      started.push({ bytes, result });
      inFlight += bytes;
      next = batches.next();
    }
    const { bytes, result } = started.shift() as (typeof started)[number];
    yield await result;
    inFlight -= bytes;
  }
}

function* batchesOf(
  plan: readonly PlannedCommand[],
): Generator<{ commands: PlannedCommand[]; bytes: number }, undefined> {
  let commands: PlannedCommand[] = [];
  let bytes = 0;
  for (const command of plan) {
    commands.push(command);
    bytes += heldBytes(command);
    if (bytes >= batchBytesMin || commands.length >= batchCommandsMax) {
      yield { commands, bytes };
      commands = [];
      bytes = 0;
    }
  }
  if (commands.length > 0) yield { commands, bytes };
  return undefined;
}

function heldBytes(command: PlannedCommand): number {
  if (command.do !== 'write' || isLarge(command)) return 0;
  return command.size + (usesBase(command) ? command.base.size : 0);
}

function isLarge({ size }: PlannedWrite): boolean {
  return size > dictionaryBytesMax;
}

function usesBase(
  command: PlannedWrite,
): command is PlannedWrite & { readonly base: NonNullable<PlannedWrite['base']> } {
  return (
    command.base !== undefined &&
    command.base.size > 0 &&
    command.base.size <= dictionaryBytesMax &&
    !isLarge(command)
  );
}

async function prepareBatch(
  commands: readonly PlannedCommand[],
  source: ContentSource,
  seen: Set<string>,
): Promise<Prepared[]> {
  // What is a repetition is decided before anything is awaited: batches overlap.
  const contents = commands.map((command): Promise<Content> | 'file' | Content => {
    if (command.do === 'symlink') return readTarget(command.path, command.blob, source);
    if (command.do !== 'write') return { kind: 'none' };
    const rule = source.policy(command.path);
    if (source.repeated.has(command.blob)) {
      const key = contentKeyOf(command, rule);
      if (seen.has(key)) return { kind: 'again', rule };
      seen.add(key);
    }
    return isLarge(command) ? { kind: 'large', rule } : 'file';
  });
  const writes = commands.filter(
    (command, i): command is PlannedWrite => command.do === 'write' && contents[i] === 'file',
  );
  const encoded = (await encodeWrites(writes, source))[Symbol.iterator]();
  return Promise.all(
    commands.map(async (command, i) => {
      const content = contents[i] as Promise<Content> | 'file' | Content;
      if (content !== 'file') return { command, content: await content };
      return { command, content: encoded.next().value as Content };
    }),
  );
}

/** Reads and encodes files that can be held in memory, in order. */
export async function encodeWrites(
  commands: readonly PlannedWrite[],
  source: ContentSource,
): Promise<Content[]> {
  const rules = commands.map(({ path }) => source.policy(path));
  const files = await Promise.all(
    commands.map(async (command, i): Promise<FileToEncode> => {
      const { codec: choice } = rules[i] as ContentRule;
      const wantsBase = usesBase(command) && (choice === 'auto' || choice === 'zstd');
      const [bytes, base] = await Promise.all([
        readChecked(command.blob, command.size, source),
        wantsBase ? readChecked(command.base.blob, command.base.size, source) : undefined,
      ]);
      const file = { bytes, choice, compressed: isCompressedType(command.path) };
      return base === undefined ? file : { ...file, base };
    }),
  );
  const encoded = await source.pool.encodeFiles(files);
  return encoded.map((result, i) => ({ kind: 'file', rule: rules[i] as ContentRule, encoded: result }));
}

async function readChecked(id: ObjectId, size: number, source: ContentSource): Promise<Buffer> {
  const bytes = size === 0 ? Buffer.alloc(0) : await source.readBlob(id);
  if (bytes.length !== size)
    throw new TreecastError('BUG', `blob ${id} has ${bytes.length} bytes, but ${size} were planned`);
  return bytes;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Linux's PATH_MAX with its NUL. */
const targetBytesMax = 4095;

async function readTarget(path: string, blob: ObjectId, source: ContentSource): Promise<Content> {
  const bytes = await source.readBlob(blob);
  if (bytes.length === 0 || bytes.length > targetBytesMax || bytes.includes(0)) {
    throw new TreecastError(
      'PATH_FORBIDDEN',
      `the symlink ${JSON.stringify(path)} has a target that no system can follow`,
      {
        fix: 'Point it to a path of 1 to 4095 bytes and push again.',
        data: { path },
      },
    );
  }
  try {
    return { kind: 'target', text: utf8.decode(bytes) };
  } catch (cause) {
    throw new TreecastError(
      'PATH_NOT_UTF8',
      `the symlink ${JSON.stringify(path)} has a target that is not UTF-8`,
      {
        cause,
        fix: 'Point it to a name in UTF-8 and push again.',
        data: { path },
      },
    );
  }
}
