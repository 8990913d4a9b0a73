// For tests: an assignment of a CCM that lies in one respect, signed with the right key; and the commands that lies are made of.

import { sign } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { bodyLines } from '../../../assignment/body-text.ts';
import { canonicalJson } from '../../../assignment/canonical-json.ts';
import { fixtureFacts, fixtureSeal, fixtureSigningKey } from '../../../assignment/container-fixture.ts';
import { type CommandInput, encodeAssignment } from '../../../assignment/encode-assignment.ts';
import { contentHash, joinManifest, splitManifest } from '../../../assignment/manifest-frame.ts';
import { blobIdOf } from '../../../assignment/object-id.ts';
import type { Codec } from '../../../model/assignment.ts';
import type { Release } from '../../../model/release.ts';
import { type ModelTree, modelFile, modelTreeId } from './model-tree.ts';

export const text = 'some page of the site\n'.repeat(50);
/** So much like it that a delta of it needs it. */
const edited = `${text.slice(0, 500)}edited${text.slice(500)}`;
/** What is live, and what an honest assignment makes of it. */
export const base: ModelTree = new Map([
  ['index.html', modelFile(text, 1)],
  ['a/page.html', modelFile('page', 1)],
  ['a/b/deep.html', modelFile('deep', 1)],
]);
export const target: ModelTree = new Map([...base, ['new.html', modelFile('new', 2)]]);

export interface Lie {
  readonly commands?: readonly CommandInput[];
  /** Changes the header's fields, before it is signed. */
  readonly header?: (header: Record<string, unknown>) => unknown;
  /** Changes the text of the commands. */
  readonly lines?: (lines: string[]) => string[];
  readonly data?: (data: Buffer) => Buffer;
  /** Changes the bytes after all was signed. */
  readonly manifest?: (manifest: Buffer) => Buffer;
}

export interface LyingAssignment extends Lie {
  readonly from?: ModelTree;
  readonly to?: ModelTree;
  readonly number: Release;
}

export function lyingAssignment({
  commands = [],
  from = base,
  to = target,
  number,
  header,
  lines,
  data,
  manifest,
}: LyingAssignment) {
  const facts = {
    ...fixtureFacts,
    release: number,
    baseTree: modelTreeId(from),
    targetTree: modelTreeId(to),
    space: { decodedBytes: 64 * 1024 ** 2, temporaryBytes: 0, inodes: 3 },
  };
  const honest = encodeAssignment(facts, commands, fixtureSeal);
  const { header: head, body } = splitManifest(honest.manifest);
  const changedBody = lines
    ? zstdCompressSync(
        lines([...bodyLines(body)])
          .map((line) => `${line}\n`)
          .join(''),
      )
    : body;
  const { id: _, ...fields } = JSON.parse(head.toString()) as Record<string, unknown>;
  const changed = (header ? header(fields) : fields) as Record<string, unknown>;
  // Numbers that JSON cannot carry are spelled by their cases; the id then does not matter.
  const id = contentHash(Buffer.from(canonicalJson(changed)), changedBody).toString('hex');
  const signed = joinManifest(Buffer.from(canonicalJson({ ...changed, id })), changedBody, (bytes) =>
    sign(null, bytes, fixtureSigningKey),
  );
  return { manifest: manifest ? manifest(signed) : signed, data: data ? data(honest.data) : honest.data };
}

export function write(
  name: string,
  bytes: Buffer | string,
  payload?: { codec: Codec; bytes: Buffer },
  more: object = {},
): CommandInput {
  const contents = Buffer.from(bytes as string);
  return {
    command: {
      do: 'write',
      path: name,
      mode: '100644',
      blob: blobIdOf(contents),
      size: contents.length,
      mtime: 2,
      ...more,
    },
    payload: { codec: 'store', cipher: 'aes-256-gcm', bytes: contents, ...payload },
  };
}

export function patch(dictionary: string, more: object = {}): CommandInput {
  return {
    command: {
      do: 'patch',
      path: 'new.html',
      from: 'index.html',
      base: blobIdOf(Buffer.from(text)),
      mode: '100644',
      blob: blobIdOf(Buffer.from(edited)),
      size: edited.length,
      mtime: 2,
      ...more,
    },
    payload: {
      codec: 'zstd-base',
      cipher: 'aes-256-gcm',
      bytes: zstdCompressSync(edited, { dictionary: Buffer.from(dictionary) }),
    },
  };
}
