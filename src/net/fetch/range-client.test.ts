import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { blockBytes } from '../../model/assignment.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import type { Clock } from '../clock.ts';
import { parseByteRange } from '../http/byte-range.ts';
import { sendError } from '../http/send-error.ts';
import { runScriptedCcm } from '../testing/scripted-ccm.ts';
import type { TestScope } from '../testing/temporary-directory.ts';
import { createRangeClient, type FetchedFile, type RangeClient, type RangeOfBlock } from './range-client.ts';

/** Waits are over in the next turn. */
const hastyClock: Clock = {
  now: () => Date.now(),
  after(_, run) {
    const handle = setImmediate(run);
    return () => clearImmediate(handle);
  },
};

type Answer = (response: ServerResponse, bytes: Buffer, request: number, range: [number, number]) => void;

interface Fetching {
  readonly client: RangeClient;
  readonly file: FetchedFile;
  /** Ranges asked for. */
  readonly ranges: string[];
}

async function serve(t: TestScope, data: Buffer, answer: Answer): Promise<Fetching> {
  const ranges: string[] = [];
  const ccm = await runScriptedCcm(t, {
    onRequest(request: IncomingMessage, response) {
      assert.equal(request.headers.authorization, 'Ticket t');
      ranges.push(request.headers.range ?? '');
      const range = parseByteRange(request.headers.range, data.length);
      assert.ok(typeof range === 'object');
      answer(response, data.subarray(range.start, range.end + 1), ranges.length, [range.start, range.end]);
    },
  });
  const credentials = { identity: ccm.credentials.identity, ca: ccm.certificates.certificate };
  const client = createRangeClient({
    credentials: () => credentials,
    clock: hastyClock,
    random: () => 0,
  });
  t.after(() => client.close());
  return { client, ranges, file: { url: `${ccm.url}/data`, ticket: 't', bytes: data.length } };
}

const whole =
  (total: number): Answer =>
  (response, bytes, _, [start, end]) => {
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end}/${total}`,
      'content-length': bytes.length,
    });
    response.end(bytes);
  };

/** Sends some of the answer, then breaks the connection. */
const cutAfter =
  (total: number, sent: (request: number) => number | undefined): Answer =>
  (response, bytes, request, range) => {
    const length = sent(request);
    if (length === undefined || length >= bytes.length) return whole(total)(response, bytes, request, range);
    const [start, end] = range;
    response.writeHead(206, {
      'content-range': `bytes ${start}-${end}/${total}`,
      'content-length': bytes.length,
    });
    response.write(bytes.subarray(0, length), () => response.destroy());
  };

const fullBlocks =
  (bytes: number): RangeOfBlock =>
  (index) => ({ offset: index * blockBytes, length: Math.min(blockBytes, bytes - index * blockBytes) });

async function collect(fetching: Fetching, missing: readonly number[]): Promise<Map<number, Buffer>> {
  const blocks = new Map<number, Buffer>();
  const onBlock = async (index: number, block: Buffer): Promise<void> => {
    assert.ok(!blocks.has(index), `block ${index} came twice`);
    blocks.set(index, block);
  };
  await fetching.client.fetchBlocks(
    { ...fetching.file, rangeOf: fullBlocks(fetching.file.bytes) },
    missing,
    onBlock,
    AbortSignal.timeout(8_000),
  );
  return blocks;
}

function assertBlocks(blocks: ReadonlyMap<number, Buffer>, data: Buffer, missing: readonly number[]): void {
  assert.deepEqual(
    [...blocks.keys()].sort((a, b) => a - b),
    [...missing],
  );
  for (const [index, block] of blocks) {
    assert.ok(block.equals(data.subarray(index * blockBytes, (index + 1) * blockBytes)), `block ${index}`);
  }
}

test('LINK-16: only missing blocks are asked for, contiguous ones together; the last block is short', async (t) => {
  const data = randomBytes(9 * blockBytes + 1_000);
  const fetching = await serve(t, data, whole(data.length));
  const missing = [1, 2, 3, 6, 8, 9];
  assertBlocks(await collect(fetching, missing), data, missing);
  assert.deepEqual(
    new Set(fetching.ranges),
    new Set([
      `bytes=${1 * blockBytes}-${4 * blockBytes - 1}`,
      `bytes=${6 * blockBytes}-${7 * blockBytes - 1}`,
      `bytes=${8 * blockBytes}-${data.length - 1}`,
    ]),
  );
});

test('LINK-16: a large file is asked for in runs of at most 8 MiB', async (t) => {
  const data = randomBytes(20 * 1_048_576);
  const fetching = await serve(t, data, whole(data.length));
  const hash = createHash('sha256');
  const blocks = await collect(
    fetching,
    Array.from({ length: 160 }, (_, n) => n),
  );
  for (let n = 0; n < 160; n++) hash.update(blocks.get(n) as Buffer);
  assert.equal(hash.digest('hex'), createHash('sha256').update(data).digest('hex'));
  assert.equal(fetching.ranges.length, 3);
});

test('LINK-16 N45: cut in the middle of a block, fetching resumes at that block and repeats no other', async (t) => {
  const data = randomBytes(6 * blockBytes);
  const cuts = [Math.round(2.5 * blockBytes), 10, blockBytes + 1];
  const fetching = await serve(
    t,
    data,
    cutAfter(data.length, (request) => cuts[request - 1]),
  );
  const missing = [0, 1, 2, 3, 4, 5];
  assertBlocks(await collect(fetching, missing), data, missing);
  const starts = fetching.ranges.map((range) => Number(/=(\d+)/.exec(range)?.[1]) / blockBytes);
  assert.deepEqual(starts, [0, 2, 2, 3]);
});

test('LINK-16: answers of the wrong status, range or length are broken connections', async (t) => {
  const data = randomBytes(2 * blockBytes);
  const wrong: Answer[] = [
    (response) => void response.writeHead(200, { 'content-length': 5 }).end('hello'),
    (response) => void response.writeHead(502).end('bad gateway'),
    (response, bytes) => void response.writeHead(206, { 'content-range': 'bytes 1-2/3' }).end(bytes),
    (response, bytes, _, [start, end]) => {
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${data.length}` });
      response.end(bytes.subarray(1));
    },
    (response, bytes, _, [start, end]) => {
      response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${data.length}` });
      response.end(Buffer.concat([bytes.subarray(0, 5), bytes]));
    },
  ];
  const fetching = await serve(t, data, (response, bytes, request, range) =>
    (wrong[request - 1] ?? whole(data.length))(response, bytes, request, range),
  );
  const manifest = await fetching.client.fetchFile(fetching.file, AbortSignal.timeout(8_000));
  assert.ok(manifest.equals(data));
  assert.equal(fetching.ranges.length, wrong.length + 1);
});

test('LINK-16: a source that stays broken is given up with CCM_UNREACHABLE', async (t) => {
  const data = randomBytes(10);
  const fetching = await serve(t, data, (response) => void response.destroy());
  await assert.rejects(collect(fetching, [0]), { code: 'CCM_UNREACHABLE' });
  assert.equal(fetching.ranges.length, 10);
});

test('LINK-14: a refusal is final', async (t) => {
  for (const code of ['TICKET_INVALID', 'NOT_FOUND', 'CERTIFICATE_INVALID'] as const) {
    const data = randomBytes(10);
    const fetching = await serve(t, data, (response) => sendError(response, new TreecastError(code, 'no')));
    await assert.rejects(collect(fetching, [0]), { code });
    assert.equal(fetching.ranges.length, 1);
  }
});

test('LINK-16 N18: a block that the receiver refuses is asked for again, then its refusal is the result', async (t) => {
  const data = randomBytes(3 * blockBytes);
  const fetching = await serve(t, data, whole(data.length));
  const corrupt = new TreecastError('ASSIGNMENT_BLOCK_CORRUPT', 'block 1');
  const accepted: number[] = [];
  const fetched = fetching.client.fetchBlocks(
    { ...fetching.file, rangeOf: fullBlocks(fetching.file.bytes) },
    [0, 1, 2],
    async (index) => {
      if (index === 1) throw corrupt;
      accepted.push(index);
    },
    AbortSignal.timeout(8_000),
  );
  await assert.rejects(fetched, (error) => toWireError(error).code === 'ASSIGNMENT_BLOCK_CORRUPT');
  assert.deepEqual(accepted, [0]);
  assert.equal(fetching.ranges.length, 3);
});

test('LINK-17: an aborted fetch ends with ABORTED', async (t) => {
  const data = randomBytes(3 * blockBytes);
  const controller = new AbortController();
  const fetching = await serve(t, data, (response, bytes, _, [start, end]) => {
    response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${data.length}` });
    response.write(bytes.subarray(0, 10), () => controller.abort());
  });
  const fetched = fetching.client.fetchBlocks(
    { ...fetching.file, rangeOf: fullBlocks(fetching.file.bytes) },
    [0],
    async () => undefined,
    controller.signal,
  );
  await assert.rejects(fetched, { code: 'ABORTED' });
});

test('LINK-16: blocks lie where the manifest says, also after a short one in the middle', async (t) => {
  const lengths = [blockBytes, 1_000, blockBytes, 77];
  const offsets = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0));
  const data = randomBytes(lengths.reduce((sum, length) => sum + length, 0));
  const fetching = await serve(t, data, whole(data.length));
  const rangeOf: RangeOfBlock = (index) => ({
    offset: offsets[index] ?? data.length,
    length: lengths[index] ?? 0,
  });
  const blocks = new Map<number, Buffer>();
  await fetching.client.fetchBlocks(
    { ...fetching.file, rangeOf },
    [0, 1, 2, 3],
    async (index, block) => void blocks.set(index, block),
    AbortSignal.timeout(8_000),
  );
  for (const [index, length] of lengths.entries()) {
    const offset = offsets[index] as number;
    assert.ok(blocks.get(index)?.equals(data.subarray(offset, offset + length)), `block ${index}`);
  }
});
