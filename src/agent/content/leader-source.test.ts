// An assignment from leaders over real TLS: one that is lost, one that learns of it later, one that withholds it; and what the store says.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { blockCount, blockRange } from '../../assignment/block-layout.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { type Clock, steadyClock } from '../../net/clock.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import {
  type CertificateAuthority,
  createCertificateAuthority,
} from '../../net/tls/certificate-authority.ts';
import { until } from '../../plugins/testing/until.ts';
import { runScriptedLeader, type ScriptedLeader } from '../link/testing/scripted-leader.ts';
import type { LeaderPlace } from '../link/way-chooser.ts';
import { modelFile } from '../store/testing/model-tree.ts';
import { assignmentBetween, kitSite, release } from '../store/testing/site-kit.ts';
import type { FetchedAssignment } from './content-source.ts';
import { createLeaderSource } from './leader-source.ts';

const made = assignmentBetween(
  release(1),
  new Map(),
  new Map(['a', 'b', 'c'].map((name) => [`${name}.bin`, modelFile(randomBytes(300_000), 1_000)])),
);
const { header, manifest, data } = made;
const assignment: FetchedAssignment = {
  type: 'assignment',
  site: kitSite,
  id: header.id,
  release: header.release,
  source: {
    kind: 'url',
    manifestUrl: `/assignments/${header.id}/manifest`,
    dataUrl: `/assignments/${header.id}/data`,
    manifestBytes: manifest.length,
    dataBytes: data.length,
    ticket: 'ticket',
  },
};
const startOf = (index: number): number => blockRange(header, index).offset;
const never = new AbortController().signal;
/** Of what is waited for between tries; patience with a leader is longer. */
const fast: Clock = {
  ...steadyClock,
  after: (delayMs, run) => steadyClock.after(delayMs < 20_000 ? 1 : delayMs, run),
};

/** Serves ranges of it, all or `blocksMax` of them; with what was asked for. */
function serve(asked: string[], blocksMax = Number.POSITIVE_INFINITY): RequestListener {
  let left = blocksMax;
  return (request, response) => {
    const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const file = request.url?.endsWith('/manifest') === true ? manifest : data;
    asked.push(`${request.url?.split('/').at(-1)} ${first}-${last} ${request.headers.authorization}`);
    const bytes = file.subarray(Number(first), Number(last) + 1);
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${file.length}` });
    if (file === manifest || left === Number.POSITIVE_INFINITY) {
      response.end(bytes);
      return;
    }
    const part = bytes.subarray(0, startOf(left));
    left = 0;
    response.write(part);
  };
}

const refuse: RequestListener = (_request, response) => {
  response.statusCode = 404;
  response.end(JSON.stringify({ error: { code: 'NOT_FOUND', message: 'not here' } }));
};

interface Setting {
  readonly authority: CertificateAuthority;
  start(node: string, onRequest: RequestListener): Promise<ScriptedLeader>;
  source(
    leader: (signal: AbortSignal) => Promise<LeaderPlace | null>,
    clock?: Clock,
  ): ReturnType<typeof createLeaderSource>;
}

async function open(t: TestScope): Promise<Setting> {
  const authority = await createCertificateAuthority(temporaryDirectory(t));
  const { identity } = await issueNodeCredentials(authority, 'web-1');
  const credentials = { identity, ca: authority.certificate };
  return {
    authority,
    start: (node, onRequest) => runScriptedLeader(t, authority, node, { onRequest }),
    source(leader, clock = fast) {
      const source = createLeaderSource({
        credentials: () => credentials,
        leader,
        clock,
        random: () => 0.5,
      });
      t.after(source.close);
      return source;
    },
  };
}

/** What came, by block. */
function collect(): {
  readonly blocks: Map<number, Buffer>;
  take(index: number, block: Buffer): Promise<void>;
} {
  const blocks = new Map<number, Buffer>();
  return {
    blocks,
    async take(index, block) {
      assert.ok(!blocks.has(index), `block ${index} came twice`);
      blocks.set(index, Buffer.from(block));
    },
  };
}

const all = Array.from({ length: blockCount(header) }, (_, index) => index);

function isWhole(blocks: ReadonlyMap<number, Buffer>): void {
  for (const index of all) {
    const { offset, length } = blockRange(header, index);
    assert.deepEqual(blocks.get(index), data.subarray(offset, offset + length), `block ${index}`);
  }
}

test('LEAD-58: a successor is asked for what the leader did not give; nothing comes twice', async (t) => {
  const { start, source } = await open(t);
  const asked: [string[], string[]] = [[], []];
  const first = await start('web-2', serve(asked[0], 3));
  const next = await start('web-3', serve(asked[1]));
  const { blocks, take } = collect();
  let leader = first.place;
  const from = source(async () => leader);
  assert.deepEqual(Buffer.from(await from.manifest(assignment, never)), manifest);
  assert.match(asked[0][0] as string, /^manifest .* Ticket ticket$/);
  await from.blocks(
    assignment,
    header,
    all,
    async (index, block) => {
      await take(index, block);
      if (blocks.size < 3) return;
      first.stop();
      leader = next.place;
    },
    never,
  );
  isWhole(blocks);
  assert.equal(asked[1].length, 1);
  assert.match(asked[1][0] as string, new RegExp(`^data ${startOf(3)}-`));
});

test('LEAD-58: a leader that does not have it yet is asked again; one that never has it, and no leader at all, end it', async (t) => {
  const { start, source } = await open(t);
  let refusals = 0;
  const asked: string[] = [];
  const later = await start('web-2', (request, response) => {
    refusals += 1;
    if (refusals < 4) refuse(request, response);
    else serve(asked)(request, response);
  });
  const { blocks, take } = collect();
  await source(async () => later.place).blocks(assignment, header, all, take, never);
  isWhole(blocks);
  const without = await start('web-3', refuse);
  await assert.rejects(source(async () => without.place).manifest(assignment, never), { code: 'NOT_FOUND' });
  await assert.rejects(source(async () => null).manifest(assignment, never), { code: 'CCM_UNREACHABLE' });
});

test('LEAD-51 LEAD-58: at the leader’s address nobody but the leader is asked', async (t) => {
  const { start, source } = await open(t);
  const asked: string[] = [];
  const { place } = await start('web-2', serve(asked));
  const from = source(async () => ({ ...place, node: 'web-3' }));
  await assert.rejects(from.manifest(assignment, never), { code: 'CCM_UNREACHABLE' });
  assert.deepEqual(asked, []);
});

test('LEAD-58: what the leader cannot give ends at once, and is not asked for again', async (t) => {
  const { start, source } = await open(t);
  let asked = 0;
  const silent = await start('web-2', () => {
    asked += 1;
  });
  const from = source(async () => silent.place);
  const coming = from.blocks(assignment, header, all, async () => undefined, never);
  await until('it was asked for', () => asked > 0);
  from.withhold(assignment.id);
  await assert.rejects(coming, { code: 'ABORTED' });
  const before = asked;
  await assert.rejects(from.manifest(assignment, never), { name: 'TreecastError' });
  assert.equal(asked, before);
});

test('LEAD-58: what the store says of a block is no leader’s fault', async (t) => {
  const { start, source } = await open(t);
  const asked: string[] = [];
  const { place } = await start('web-2', serve(asked));
  const full = new TreecastError('DISK_FAILED', 'full');
  await assert.rejects(
    source(async () => place).blocks(assignment, header, all, () => Promise.reject(full), never),
    (error) => error === full,
  );
});

test('LEAD-58: a leader that gives its bytes drop by drop is given up; one that gives a block in time is not', async (t) => {
  const { start, source } = await open(t);
  const clock = createManualClock();
  let sent = 0;
  const slow = await start('web-2', (request, response) => {
    const [, first = '0', last = '0'] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${data.length}` });
    // One block, and never the rest of the next.
    response.write(data.subarray(Number(first), startOf(1) + 1_000));
    sent += 1;
  });
  const from = source(async () => slow.place, clock);
  const { blocks, take } = collect();
  const coming = from.blocks(assignment, header, all, take, never);
  const ended = assert.rejects(coming, { code: 'CCM_UNREACHABLE', message: /web-2 gives too slowly/ });
  await until('the request is there', () => sent === 1 && blocks.size === 1);
  clock.advance(29_000);
  clock.advance(1_000);
  await ended;
  assert.deepEqual([...blocks.keys()], [0]);
});

test('LEAD-58 TREE-50: a leader that waits for its own turn is waited for, and not for ever', async (t) => {
  const { start, source } = await open(t);
  const clock = createManualClock();
  const asked: string[] = [];
  let busy = 0;
  let isTurn = false;
  const waiting = await start('web-2', (request, response) => {
    if (isTurn) return serve(asked)(request, response);
    busy += 1;
    response.statusCode = 503;
    response.end(JSON.stringify({ error: { code: 'CCM_UNREACHABLE', message: 'not yet' } }));
  });
  const from = source(async () => waiting.place, clock);
  /** Asked every half second, until then. */
  const pass = async (seconds: number, isOver: () => boolean): Promise<void> => {
    for (let halves = 0; halves < 2 * seconds && !isOver(); halves++) {
      const before = busy;
      await until('it is asked again', () => busy > before || isOver() || clock.waiting().includes(500));
      clock.advance(500);
    }
  };
  let isDone = false;
  const coming = from.manifest(assignment, never).finally(() => {
    isDone = true;
  });
  await pass(45, () => isDone);
  assert.ok(!isDone, 'longer than a leader is waited for that says nothing');
  isTurn = true;
  clock.advance(500);
  assert.deepEqual(Buffer.from(await coming), manifest);

  isTurn = false;
  isDone = false;
  const startedAt = clock.now();
  const ended = assert.rejects(
    from.manifest(assignment, never).finally(() => {
      isDone = true;
    }),
    { code: 'CCM_UNREACHABLE', message: /gives too slowly/ },
  );
  await pass(200, () => isDone);
  await ended;
  const tookS = (clock.now() - startedAt) / 1_000;
  assert.ok(tookS >= 60 && tookS <= 92, `${tookS} s`);
});
