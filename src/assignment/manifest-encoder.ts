// Writes a manifest: commands first, one by one, then the header that counts them. Decides the id, the counts and the space the
// inbox needs; the same input always gives the same bytes.

import { type KeyObject, sign } from 'node:crypto';
import type {
  AssignmentHeader,
  Cipher,
  Codec,
  Command,
  CommandKind,
  SpaceRequired,
} from '../model/assignment.ts';
import { createBodyEncoder } from './body-text.ts';
import { canonicalJson } from './canonical-json.ts';
import { contentHash, frameOverheadBytes, joinManifest } from './manifest-frame.ts';

/** Header fields that are not computed here. `space` is what the commands need; the inbox is added. */
export interface ManifestFacts
  extends Pick<
    AssignmentHeader,
    | 'profile'
    | 'site'
    | 'release'
    | 'part'
    | 'type'
    | 'baseTree'
    | 'targetTree'
    | 'createdAt'
    | 'data'
    | 'key'
  > {
  readonly space: Omit<SpaceRequired, 'inboxBytes'>;
}

export interface EncodedManifest {
  readonly header: AssignmentHeader;
  readonly bytes: Buffer;
}

export interface ManifestEncoder {
  /** Commands in order; their payloads' ranges must be known. Throws ASSIGNMENT_TOO_LARGE. */
  add(command: Command): void;
  end(facts: ManifestFacts, signingKey: KeyObject): EncodedManifest;
}

/** What a file of `bytes` takes on a file system with 4 KiB blocks. */
export function diskBytes(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096;
}

export function createManifestEncoder(): ManifestEncoder {
  const body = createBodyEncoder();
  const counts: Partial<Record<CommandKind, number>> = {};
  const codecs = new Set<Codec>();
  const ciphers = new Set<Cipher>();
  return {
    add(command) {
      body.add(canonicalJson(command));
      counts[command.do] = (counts[command.do] ?? 0) + 1;
      if ('data' in command && command.data !== undefined) {
        codecs.add(command.data.codec);
        ciphers.add(command.data.cipher);
      }
    },
    end(facts, signingKey) {
      const bodyBytes = body.end();
      const draft = {
        ...facts,
        format: 1 as const,
        space: { ...facts.space, inboxBytes: 0 },
        counts,
        codecs: [...codecs].sort(),
        ciphers: [...ciphers].sort(),
      };
      // 64 digits of id and 16 of inboxBytes are still to come.
      const manifestBytesAbout = frameOverheadBytes + canonicalJson(draft).length + 100 + bodyBytes.length;
      const space = {
        ...facts.space,
        inboxBytes: diskBytes(facts.data.bytes) + diskBytes(manifestBytesAbout),
      };
      const withoutId = { ...draft, space };
      const id = assignmentId(withoutId, bodyBytes);
      const header: AssignmentHeader = { ...withoutId, id };
      const bytes = joinManifest(Buffer.from(canonicalJson(header)), bodyBytes, (signed) =>
        sign(null, signed, signingKey),
      );
      return { header, bytes };
    },
  };
}

/** ASG-7: SHA-256 of the canonical header without `id`, followed by the compressed body. */
export function assignmentId(headerWithoutId: Omit<AssignmentHeader, 'id'>, body: Uint8Array): string {
  return contentHash(Buffer.from(canonicalJson(headerWithoutId)), body).toString('hex');
}
