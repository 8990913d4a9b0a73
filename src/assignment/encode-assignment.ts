// Encodes a whole assignment in memory: for small ones, golden files and tests. Deterministic given its input and data key.

import type { AssignmentHeader, Cipher, Codec, Command, Payload } from '../model/assignment.ts';
import { type AssignmentFacts, type AssignmentSeal, createAssignmentEncoder } from './assignment-encoder.ts';
import { blockHash } from './block-layout.ts';
import { sealBlock } from './seal.ts';

type WithoutData<C> = C extends { readonly data?: Payload } ? Omit<C, 'data'> : C;

/** A command whose payload's place is not known yet; `payload` exactly when the command has data. */
export interface CommandInput {
  readonly command: WithoutData<Command>;
  readonly payload?: { readonly codec: Codec; readonly cipher: Cipher; readonly bytes: Uint8Array };
}

export interface EncodedAssignment {
  readonly header: AssignmentHeader;
  readonly manifest: Buffer;
  readonly data: Buffer;
}

export function encodeAssignment(
  facts: AssignmentFacts,
  commands: Iterable<CommandInput>,
  seal: AssignmentSeal,
): EncodedAssignment {
  const blocks = { sealed: [] as Buffer[], plain: [] as Buffer[] };
  const encoder = createAssignmentEncoder({
    onBlock({ region, index, payload }) {
      blocks[region].push(region === 'sealed' ? sealBlock(seal.dataKey, index, payload) : payload);
    },
  });
  for (const { command, payload } of commands) {
    if (payload === undefined) {
      encoder.add(command as Command);
    } else {
      const data = encoder.addPayload(payload.codec, payload.cipher, [payload.bytes]);
      encoder.add({ ...command, data } as Command);
    }
  }
  encoder.flush();
  const hashes = { sealed: blocks.sealed.map(blockHash), plain: blocks.plain.map(blockHash) };
  const { header, bytes } = encoder.end(facts, seal, hashes);
  return { header, manifest: bytes, data: Buffer.concat([...blocks.sealed, ...blocks.plain]) };
}
