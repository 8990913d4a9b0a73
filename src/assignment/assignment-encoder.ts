// Encodes one assignment (one part of one) while its commands and payloads come: both files' encoders joined, so that a command and
// its payload cannot disagree. Finished blocks go to the caller's sink; the manifest comes at the end, when all hashes are known.

import type { KeyObject } from 'node:crypto';
import type { AssignmentHeader, Cipher, Codec, Command, Payload } from '../model/assignment.ts';
import { tagBytes } from './block-layout.ts';
import { createDataEncoder, type UnsealedBlock } from './data-encoder.ts';
import { createManifestEncoder, type EncodedManifest, type ManifestFacts } from './manifest-encoder.ts';
import { type ContentKey, wrapKey } from './seal.ts';

export type AssignmentFacts = Omit<ManifestFacts, 'data' | 'key'>;

export interface AssignmentSeal {
  /** 32 fresh random bytes for each assignment and each part; they must never seal anything else. */
  readonly dataKey: Uint8Array;
  readonly contentKey: ContentKey;
  readonly signingKey: KeyObject;
}

/** SHA-256 of each block as it travels, in order of the blocks of each region. */
export interface BlockHashes {
  readonly sealed: readonly Uint8Array[];
  readonly plain: readonly Uint8Array[];
}

export interface AssignmentEncoder {
  /** Appends an encoded payload; its pieces must not be changed afterwards. Throws ASSIGNMENT_TOO_LARGE. */
  addPayload(codec: Codec, cipher: Cipher, pieces: readonly Uint8Array[]): Payload;
  /** As {@link addPayload} for one that comes piece by piece: call `end` after the last. No other payload may start before. */
  openPayload(codec: Codec, cipher: Cipher): { add(piece: Uint8Array): void; end(): Payload };
  add(command: Command): void;
  /** Plain bytes of data so far. */
  readonly plainBytes: number;
  /** Emits the last blocks of both regions. Then, when the sink has all hashes, {@link end}. */
  flush(): void;
  end(facts: AssignmentFacts, seal: AssignmentSeal, hashes: BlockHashes): EncodedManifest;
}

export interface AssignmentEncoderOptions {
  readonly onBlock: (block: UnsealedBlock) => void;
  readonly plainBytesMax?: number;
}

export function createAssignmentEncoder(options: AssignmentEncoderOptions): AssignmentEncoder {
  const data = createDataEncoder(options);
  const manifest = createManifestEncoder();
  let flushed: ReturnType<typeof data.end> | undefined;

  const openPayload = (codec: Codec, cipher: Cipher) => {
    let offset: number | undefined;
    let length = 0;
    return {
      add(piece: Uint8Array) {
        const at = data.add(cipher, piece);
        offset ??= at;
        length += piece.length;
      },
      end: (): Payload => ({ offset: offset ?? 0, length, codec, cipher }),
    };
  };

  return {
    openPayload,
    addPayload(codec, cipher, pieces) {
      const payload = openPayload(codec, cipher);
      for (const piece of pieces) payload.add(piece);
      return payload.end();
    },
    add: (command) => manifest.add(command),
    get plainBytes() {
      return data.plainBytes;
    },
    flush() {
      flushed ??= data.end();
    },
    end(facts, seal, hashes) {
      flushed ??= data.end();
      const sealedBlocks = hashes.sealed.length;
      const dataFacts: AssignmentHeader['data'] = {
        ...flushed,
        bytes: flushed.sealedPayloadBytes + flushed.plainPayloadBytes + sealedBlocks * tagBytes,
        sealedBlocks,
        hashes: Buffer.concat([...hashes.sealed, ...hashes.plain]).toString('base64'),
      };
      const key =
        sealedBlocks === 0
          ? null
          : { contentKeyId: seal.contentKey.id, wrapped: wrapKey(seal.dataKey, seal.contentKey) };
      return manifest.end({ ...facts, data: dataFacts, key }, seal.signingKey);
    },
  };
}
