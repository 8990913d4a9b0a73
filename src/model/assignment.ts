// The assignment, the unit that is distributed: what its header says and which commands its body holds.
// The container's bytes (framing, sealing, signature) are src/assignment's; this file fixes the vocabulary.

import type { Release } from './release.ts';
import type { FileMode, ObjectId } from './tree.ts';

/** The command set a destination understands. An agent refuses a profile it lacks. */
export const commandSetProfiles = ['linux-web-1'] as const;
export type CommandSetProfile = (typeof commandSetProfiles)[number];

export const assignmentTypes = ['publish', 'replicate', 'synchronize', 'rollback', 'restore'] as const;
export type AssignmentType = (typeof assignmentTypes)[number];

/** How a payload is encoded. `zstd-base` uses the old version of the file (named by the patch command) as raw dictionary. */
export const codecs = ['store', 'deflate', 'zstd', 'zstd-base'] as const;
export type Codec = (typeof codecs)[number];

/** Whether a payload lies in the sealed blocks or in the plain blocks of the data file. */
export const ciphers = ['aes-256-gcm', 'none'] as const;
export type Cipher = (typeof ciphers)[number];

/** Blocks of the data file as they travel: 128 KiB, the one unit for hashing, sealing, ranges and resume. */
export const blockBytes = 131_072;
/** Plain bytes in a full sealed block: 16 bytes of it are the GCM tag. */
export const sealedPayloadBytes = blockBytes - 16;
/** An assignment of at most this many bytes (manifest + data) travels inside its notification. */
export const inlineBytesMax = 65_536;

/**
 * Where a payload lies: `offset` and `length` in bytes count the encoded payload in the plain stream of its region
 * (the concatenated contents of the sealed blocks for `aes-256-gcm`, of the plain blocks for `none`).
 */
export interface Payload {
  readonly offset: number;
  readonly length: number;
  readonly codec: Codec;
  readonly cipher: Cipher;
}

/** `mtime` is in whole seconds since 1970; `size` is the decoded size in bytes; `blob` is the Git blob id of the result. */
interface FileResult {
  readonly path: string;
  readonly mode: FileMode;
  readonly blob: ObjectId;
  readonly size: number;
  readonly mtime: number;
}

/**
 * Commands run in order against `next`, which equals the base tree when they start. Sources of `copy` and `patch` name
 * paths of the **base** tree (read from live, which staging never touches), so no order among them can break them.
 */
export type Command =
  | { readonly do: 'mkdir'; readonly path: string }
  | { readonly do: 'rmdir'; readonly path: string }
  | (FileResult & { readonly do: 'write'; readonly data: Payload })
  | (FileResult & {
      readonly do: 'patch';
      readonly from: string;
      readonly base: ObjectId;
      readonly data: Payload;
    })
  | (FileResult & { readonly do: 'copy'; readonly from: string })
  | { readonly do: 'symlink'; readonly path: string; readonly target: string; readonly mtime: number }
  | { readonly do: 'mode'; readonly path: string; readonly mode: FileMode; readonly mtime: number }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'verify'; readonly path: string; readonly blob: ObjectId }
  | {
      readonly do: 'plugin';
      readonly name: string;
      readonly parameters: Readonly<Record<string, unknown>>;
      readonly data?: Payload;
    };

export type CommandKind = Command['do'];

/** Bytes and inodes a node must have free before it stages. */
export interface SpaceRequired {
  /** The assignment itself, in the inbox. */
  readonly inboxBytes: number;
  /** New file contents in the tree, decoded. */
  readonly decodedBytes: number;
  /** The largest temporary held beside them at one moment. */
  readonly temporaryBytes: number;
  readonly inodes: number;
}

export interface AssignmentHeader {
  readonly format: 1;
  readonly profile: CommandSetProfile;
  /** 64 hex digits: SHA-256 of the canonical header without `id`, followed by the compressed body. */
  readonly id: string;
  readonly site: string;
  readonly release: Release;
  /** Part `index` (from 1) of `of`; every part has the same base and target. */
  readonly part: { readonly index: number; readonly of: number };
  readonly type: AssignmentType;
  readonly baseTree: ObjectId;
  readonly targetTree: ObjectId;
  /** Whole seconds since 1970. */
  readonly createdAt: number;
  readonly space: SpaceRequired;
  readonly counts: Readonly<Partial<Record<CommandKind, number>>>;
  readonly codecs: readonly Codec[];
  readonly ciphers: readonly Cipher[];
  readonly data: {
    /** Bytes of the data file as it travels. */
    readonly bytes: number;
    /** The first this many blocks are sealed, the rest are plain. */
    readonly sealedBlocks: number;
    /** Encoded payload bytes in the sealed and in the plain region. */
    readonly sealedPayloadBytes: number;
    readonly plainPayloadBytes: number;
    /** SHA-256 of each block as it travels, concatenated, base64. */
    readonly hashes: string;
  };
  /** The fresh data key of this build, wrapped (RFC 3394) under the site's content key; null when nothing is sealed. */
  readonly key: { readonly contentKeyId: string; readonly wrapped: string } | null;
}
