// One part of a build: its encoder, its sink, its space, and where contents already lie that a later command repeats.

import { randomBytes } from 'node:crypto';
import type { AssignmentFacts, AssignmentSeal } from '../assignment/assignment-encoder.ts';
import { createAssignmentEncoder } from '../assignment/assignment-encoder.ts';
import type { EncodedManifest } from '../assignment/manifest-encoder.ts';
import { tooLarge } from '../assignment/manifest-frame.ts';
import { keyBytes } from '../assignment/seal.ts';
import type { Cipher, Codec, Command, Payload } from '../model/assignment.ts';
import type { DataSink, FinishedData } from './data-sink.ts';
import type { PlannedCommand } from './planned-command.ts';
import { createSpaceCount } from './space-required.ts';

export interface PartBuilder {
  /** Whether an encoded payload of this length still fits. Throws ASSIGNMENT_TOO_LARGE when it fits in no part. */
  hasRoom(length: number): boolean;
  /** Adds a payload of known length; resolves when its bytes were taken. `key`: for {@link PartBuilder.payload}, null when nobody asks again. */
  addPayload(
    key: string | null,
    codec: Codec,
    cipher: Cipher,
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<Payload>;
  addBytes(key: string | null, codec: Codec, cipher: Cipher, bytes: Uint8Array): Payload;
  /** A payload added before under this key. */
  payload(key: string): Payload | undefined;
  /** `planned` is what `command` was made of; it says which space the command takes. */
  add(planned: PlannedCommand, command: Command): void;
  drain(): Promise<void>;
  /** No more commands: seals and writes the rest. */
  close(): Promise<void>;
  /** After {@link close}. */
  end(
    facts: Omit<AssignmentFacts, 'space'>,
    seal: Omit<AssignmentSeal, 'dataKey'>,
  ): EncodedManifest & Pick<FinishedData, 'content'>;
  discard(): Promise<void>;
}

export interface PartBuilderOptions {
  readonly createSink: (dataKey: Uint8Array) => DataSink;
  readonly partBytesMax: number;
}

export function createPartBuilder({ createSink, partBytesMax }: PartBuilderOptions): PartBuilder {
  // Never reused: blocks of different parts have the same nonces.
  const dataKey = randomBytes(keyBytes);
  const sink = createSink(dataKey);
  const encoder = createAssignmentEncoder({ onBlock: sink.onBlock, plainBytesMax: partBytesMax });
  const space = createSpaceCount();
  const payloads = new Map<string, Payload>();
  let finished: FinishedData | undefined;
  const remember = (key: string | null, payload: Payload): Payload => {
    if (key !== null) payloads.set(key, payload);
    return payload;
  };
  return {
    hasRoom(length) {
      if (length > partBytesMax) throw tooLarge('data', length, partBytesMax);
      return encoder.plainBytes + length <= partBytesMax;
    },
    async addPayload(key, codec, cipher, pieces) {
      const open = encoder.openPayload(codec, cipher);
      for await (const piece of pieces) {
        open.add(piece);
        await sink.drain();
      }
      return remember(key, open.end());
    },
    addBytes: (key, codec, cipher, bytes) => remember(key, encoder.addPayload(codec, cipher, [bytes])),
    payload: (key) => payloads.get(key),
    add(planned, command) {
      space.add(planned);
      encoder.add(command);
    },
    drain: () => sink.drain(),
    async close() {
      encoder.flush();
      finished = await sink.finish();
    },
    end(facts, seal) {
      const { hashes, content } = finished as FinishedData;
      return { ...encoder.end({ ...facts, space: space.required() }, { ...seal, dataKey }, hashes), content };
    },
    discard: () => sink.discard(),
  };
}
