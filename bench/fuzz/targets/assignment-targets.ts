// The assignment container: manifests signed anew after they were changed (so that what stands behind the signature is met), data files,
// and payloads of every codec.

import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { blockCount, blockRange, verifyBlock } from '../../../src/assignment/block-layout.ts';
import { bodyLines } from '../../../src/assignment/body-text.ts';
import { canonicalJson } from '../../../src/assignment/canonical-json.ts';
import {
  fixtureContentKey,
  fixtureSigningKey,
  fixtureVerify,
  understand,
} from '../../../src/assignment/container-fixture.ts';
import { createDataReader } from '../../../src/assignment/data-reader.ts';
import { decodePayload, decodePayloadStream } from '../../../src/assignment/decode-payload.ts';
import { goldenAssignments, goldenDirectory } from '../../../src/assignment/golden-assignments.ts';
import { contentHash, joinManifest, splitManifest } from '../../../src/assignment/manifest-frame.ts';
import { readManifest } from '../../../src/assignment/read-manifest.ts';
import { openDataKey } from '../../../src/assignment/seal.ts';
import type { Codec } from '../../../src/model/assignment.ts';
import { TreecastError } from '../../../src/model/treecast-error.ts';
import type { Random } from '../../random.ts';
import { type FuzzTarget, promised } from '../fuzz-target.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson, spellJson } from '../mutate-json.ts';

const names = Object.keys(goldenAssignments);
const golden = names.map((name) => ({
  manifest: readFileSync(new URL(`${name}.manifest`, goldenDirectory)),
  data: readFileSync(new URL(`${name}.data`, goldenDirectory)),
}));
const manifests = golden.map(({ manifest }) => manifest);

function changedManifest(random: Random): Buffer {
  const seed = random.pick(manifests);
  if (random.once(4)) return mutateBytes(seed, random, manifests);
  const { header, body } = splitManifest(seed);
  const fields = JSON.parse(header.toString('utf8')) as Record<string, unknown>;
  const changedBody = random.once(2) ? body : changeBody(body, random);
  const changed = random.once(2) ? fields : mutateJson(fields, random);
  return joinManifest(headerText(changed, changedBody, random), changedBody, (bytes) =>
    sign(null, bytes, fixtureSigningKey),
  );
}

/** With the id that the changed parts have, mostly. */
function headerText(value: unknown, body: Uint8Array, random: Random): Buffer {
  if (typeof value !== 'object' || value === null || random.once(10))
    return Buffer.from(spellJson(value, random));
  try {
    const { id: _, ...rest } = value as Record<string, unknown>;
    const id = contentHash(Buffer.from(canonicalJson(rest)), body).toString('hex');
    return Buffer.from(canonicalJson({ ...rest, id }));
  } catch (error) {
    if (!(error instanceof TreecastError)) throw error;
    return Buffer.from(spellJson(value, random));
  }
}

function changeBody(body: Uint8Array, random: Random): Buffer {
  if (random.once(4)) return mutateBytes(body, random, manifests);
  const commands = [...bodyLines(body)].map((line) => JSON.parse(line) as unknown);
  for (let left = 1 + random.below(3); left > 0 && commands.length > 0; left--) {
    const at = random.below(commands.length);
    switch (random.below(5)) {
      case 0:
        commands.splice(at, 1);
        break;
      case 1:
        commands.splice(at, 0, ...Array.from({ length: random.pick([1, 2, 500]) }, () => commands[at]));
        break;
      case 2:
        commands.reverse();
        break;
      default:
        commands[at] = mutateJson(commands[at], random);
    }
  }
  const text = Buffer.from(commands.map((command) => `${spellJson(command, random)}\n`).join(''));
  return zstdCompressSync(random.once(20) ? mutateBytes(text, random, [text]) : text, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 1,
      [constants.ZSTD_c_windowLog]: random.pick([10, 17, 23]),
    },
  });
}

const manifestTarget: FuzzTarget = {
  name: 'manifest',
  make: changedManifest,
  run(input) {
    const { header, commands } = readManifest(input, { verifySignature: fixtureVerify });
    let seen = 0;
    for (const command of commands()) {
      seen++;
      promised(
        !('path' in command) || !/(?:^|\/)(?:\.{0,2}|\.git)(?:\/|$)/i.test(command.path),
        'a path leaves the tree',
      );
    }
    promised(seen === Object.values(header.counts).reduce((sum, count) => sum + count, 0), 'counts');
    return 'valid';
  },
};

const dataTarget: FuzzTarget = {
  name: 'data',
  make(random) {
    const { manifest, data } = random.pick(golden);
    const length = Buffer.alloc(4);
    const changed = random.once(20) ? manifest : random.once(2) ? changedManifest(random) : manifest;
    length.writeUInt32BE(changed.length);
    return Buffer.concat([
      length,
      changed,
      mutateBytes(
        data,
        random,
        golden.map((one) => one.data),
      ),
    ]);
  },
  run(input) {
    const end = 4 + input.readUInt32BE(0);
    const [manifest, data] = [input.subarray(4, end), input.subarray(end)];
    // As it stands after a disk fault: blocks are not checked against their hashes, only by their seal and place.
    const { header, commands } = readManifest(manifest, { verifySignature: fixtureVerify });
    const reader = createDataReader(header, data, openDataKey(header, [fixtureContentKey]));
    let intact = data.length === header.data.bytes;
    for (let index = 0; intact && index < blockCount(header); index++) {
      const { offset, length } = blockRange(header, index);
      try {
        verifyBlock(header, index, data.subarray(offset, offset + length));
      } catch {
        intact = false;
      }
    }
    for (const command of commands()) {
      if (!('data' in command) || command.data === undefined) continue;
      promised(
        reader.read(command.data).length === command.data.length,
        'a payload has another length than it says',
      );
    }
    if (intact) understand(manifest, data);
    return 'valid';
  },
};

const codecs = ['store', 'deflate', 'zstd', 'zstd-base'] as const satisfies readonly Codec[];
const pages = [0, 1, 37, 4_000, 70_000, 300_000].map((length) =>
  Buffer.from(
    '<p>Every page has words, and some of them twice.</p>\n'.repeat(Math.ceil(length / 50)).slice(0, length),
  ),
);
/** Encoded once: what is fuzzed is the decoder. */
const payloads = codecs.flatMap((codec) =>
  pages.map((page, number) => {
    const base = pages[(number + 1) % pages.length] as Buffer;
    const bytes = {
      store: () => page,
      deflate: () => deflateRawSync(page),
      zstd: () => zstdCompressSync(page),
      'zstd-base': () => zstdCompressSync(page, { dictionary: base }),
    }[codec]();
    return { codec, bytes, base: number, size: page.length };
  }),
);
const bombs = [2 ** 20, 2 ** 26].map((length) => zstdCompressSync(Buffer.alloc(length)));

const payloadTarget: FuzzTarget = {
  name: 'payload',
  make(random) {
    const { codec, bytes, base, size } = random.pick(payloads);
    const changed = random.once(30)
      ? random.pick(bombs)
      : mutateBytes(
          bytes,
          random,
          payloads.map((one) => one.bytes),
        );
    const said = random.once(2)
      ? size
      : random.pick([0, 1, size + 1, Math.max(0, size - 1), 2 ** 20, random.below(400_000)]);
    const head = Buffer.alloc(6);
    head.writeUInt8(codecs.indexOf(codec), 0);
    head.writeUInt8((base + 1) % pages.length, 1);
    head.writeUInt32BE(said, 2);
    return Buffer.concat([head, changed]);
  },
  async run(input, random) {
    const codec = codecs[input.readUInt8(0) % codecs.length] as Codec;
    const base = pages[input.readUInt8(1) % pages.length] as Buffer;
    const options = { size: input.readUInt32BE(2), base };
    const encoded = input.subarray(6);
    if (!random.once(8)) {
      promised(decodePayload(codec, encoded, options).length === options.size, 'another size than declared');
      return 'valid';
    }
    const cut = random.below(encoded.length);
    let length = 0;
    for await (const piece of decodePayloadStream(
      codec,
      [encoded.subarray(0, cut), encoded.subarray(cut)],
      options,
    )) {
      length += piece.length;
      promised(length <= options.size, 'more than declared');
    }
    promised(length === options.size, 'less than declared');
    return 'valid';
  },
};

export const assignmentTargets: readonly FuzzTarget[] = [manifestTarget, dataTarget, payloadTarget];
