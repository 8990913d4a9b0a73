// Assignments for tests: fixed keys and facts, arbitrary commands, and a reader that checks everything an agent checks.

import { createPrivateKey, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import type { AssignmentHeader, Command } from '../model/assignment.ts';
import type { AssignmentFacts, AssignmentSeal } from './assignment-encoder.ts';
import { blockCount, blockRange, verifyBlock } from './block-layout.ts';
import { createDataReader } from './data-reader.ts';
import type { CommandInput } from './encode-assignment.ts';
import { pathProblem } from './path-rule.ts';
import { readManifest } from './read-manifest.ts';
import { type ContentKey, openDataKey } from './seal.ts';
import { verifyBytes } from './signed.ts';

/** RFC 8410 wrapping of a 32-byte Ed25519 seed. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

export const fixtureSigningKey = createPrivateKey({
  key: Buffer.concat([pkcs8Prefix, Buffer.alloc(32, 0x2a)]),
  format: 'der',
  type: 'pkcs8',
});
export const fixturePublicKey = createPublicKey(fixtureSigningKey);
export const fixtureContentKey: ContentKey = {
  id: 'sample-1',
  key: Buffer.alloc(32, 0x11).toString('base64'),
};
/** Fixed because the result must be; everywhere else a data key is fresh. */
export const fixtureSeal: AssignmentSeal = {
  dataKey: Buffer.alloc(32, 0x07),
  contentKey: fixtureContentKey,
  signingKey: fixtureSigningKey,
};
export const fixtureVerify = (bytes: Uint8Array, signature: Uint8Array) =>
  verifyBytes(bytes, signature, fixturePublicKey);

export const fixtureFacts: AssignmentFacts = {
  profile: 'linux-web-1',
  site: 'sample',
  release: { epoch: 1, sequence: 42 },
  part: { index: 1, of: 1 },
  type: 'publish',
  baseTree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  targetTree: 'd8329fc1cc938780ffdd9f94e0d364e0ea74f579',
  createdAt: 1_763_900_000,
  space: { decodedBytes: 2 ** 40, temporaryBytes: 0, inodes: 3 },
};

export interface Understood {
  readonly header: AssignmentHeader;
  readonly commands: readonly Command[];
  /** Encoded payloads, by command number. */
  readonly payloads: ReadonlyMap<number, Buffer>;
}

/** Everything an agent does before it executes. */
export function understand(manifest: Uint8Array, data: Uint8Array, keys = [fixtureContentKey]): Understood {
  const { header, commands } = readManifest(manifest, { verifySignature: fixtureVerify });
  if (data.length !== header.data.bytes) verifyBlock(header, blockCount(header), data);
  for (let index = 0; index < blockCount(header); index++) {
    const { offset, length } = blockRange(header, index);
    verifyBlock(header, index, data.subarray(offset, offset + length));
  }
  const reader = createDataReader(header, data, openDataKey(header, keys));
  const all = [...commands()];
  const payloads = new Map<number, Buffer>();
  for (const [i, command] of all.entries()) {
    if ('data' in command && command.data !== undefined) payloads.set(i, reader.read(command.data));
  }
  return { header, commands: all, payloads };
}

const idArbitrary = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 });
const modeArbitrary = fc.constantFrom('100644' as const, '100755' as const);
const mtimeArbitrary = fc.integer({ min: 0, max: 2 ** 32 });
export const pathArbitrary = fc
  .array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 4 })
  .map((names) => names.join('/'))
  .filter((path) => pathProblem(path) === undefined);

/** Sizes around the edges of blocks of both regions. */
const payloadArbitrary = fc
  .record({
    length: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(131_055, 131_056, 131_057, 131_071, 131_072, 131_073, 262_144),
      },
    ),
    fill: fc.integer({ min: 0, max: 255 }),
    cipher: fc.constantFrom('aes-256-gcm' as const, 'none' as const),
  })
  .map(({ length, fill, cipher }) => ({
    codec: 'store' as const,
    cipher,
    bytes: Buffer.alloc(length, fill),
  }));

const writeArbitrary = fc
  .record({
    path: pathArbitrary,
    mode: modeArbitrary,
    blob: idArbitrary,
    mtime: mtimeArbitrary,
    payload: payloadArbitrary,
  })
  .map(
    ({ payload, ...rest }): CommandInput => ({
      command: { do: 'write', ...rest, size: payload.bytes.length },
      payload,
    }),
  );
const patchArbitrary = fc
  .record({
    path: pathArbitrary,
    mode: modeArbitrary,
    blob: idArbitrary,
    mtime: mtimeArbitrary,
    size: fc.nat(),
    from: pathArbitrary,
    base: idArbitrary,
    payload: payloadArbitrary,
  })
  .map(
    ({ payload, ...rest }): CommandInput => ({
      command: { do: 'patch', ...rest },
      payload: { ...payload, codec: 'zstd-base' },
    }),
  );
const simple = <const D extends Command['do'], R extends object>(kind: D, fields: fc.Arbitrary<R>) =>
  fields.map((rest) => ({ command: { do: kind, ...rest } }) as unknown as CommandInput);

export const commandsArbitrary: fc.Arbitrary<CommandInput[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: writeArbitrary },
    { weight: 2, arbitrary: patchArbitrary },
    simple('mkdir', fc.record({ path: pathArbitrary })),
    simple('rmdir', fc.record({ path: pathArbitrary })),
    simple('remove', fc.record({ path: pathArbitrary })),
    simple('verify', fc.record({ path: pathArbitrary, blob: idArbitrary })),
    simple('mode', fc.record({ path: pathArbitrary, mode: modeArbitrary, mtime: mtimeArbitrary })),
    simple('symlink', fc.record({ path: pathArbitrary, target: pathArbitrary, mtime: mtimeArbitrary })),
    simple(
      'copy',
      fc.record({
        path: pathArbitrary,
        mode: modeArbitrary,
        blob: idArbitrary,
        size: fc.nat(),
        mtime: mtimeArbitrary,
        from: pathArbitrary,
      }),
    ),
    simple(
      'plugin',
      fc.record({
        name: fc.constant('demo:greet'),
        parameters: fc.dictionary(
          fc.stringMatching(/^[a-z][a-zA-Z0-9_-]{0,10}$/),
          // As JSON carries it: minus zero is zero (RFC 8785), which canonical-json.test.ts pins.
          fc.jsonValue({ maxDepth: 1 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown),
          { noNullPrototype: true },
        ),
      }),
    ),
  ),
  { maxLength: 12 },
);
