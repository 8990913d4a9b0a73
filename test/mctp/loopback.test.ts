// Sessions between one sender and receivers of this process, on the loopback interface: what each of them hears, and what it makes of trouble.

import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, randomBytes, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { blockBytes } from '../../src/model/assignment.ts';
import { steadyClock } from '../../src/net/clock.ts';
import { createMctp, type Mctp, type MctpOptions } from '../../src/net/mctp/mctp.ts';
import {
  type BlockSink,
  mctpNoticeSchema,
  type Receiving,
  type ReceivingEvent,
  type Sending,
  type SendingEvent,
} from '../../src/net/mctp/mctp-session.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { sendForgedFrames } from '../lab/mctp/rogue.ts';

const lo = { name: 'lo', address: '127.0.0.1', isLoopback: true };
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const pool = {
  first: `239.255.${randomBytes(1)[0]}.100`,
  port: 20_000 + (randomBytes(2).readUInt16BE() % 10_000),
};

interface Content {
  readonly data: Buffer;
  /** The SHA-256 of each block, and whatever else. */
  readonly manifest: Buffer;
}

function content(bytes: number, moreManifestBytes = 0): Content {
  const data = randomBytes(bytes);
  const hashes: Buffer[] = [];
  for (let at = 0; at < bytes; at += blockBytes)
    hashes.push(hash('sha256', data.subarray(at, at + blockBytes), 'buffer'));
  return { data, manifest: Buffer.concat([...hashes, randomBytes(moreManifestBytes)]) };
}

function optionsOf(node: string): MctpOptions {
  return {
    node,
    interface: () => lo,
    bytesMax: () => null,
    clock: steadyClock,
    log() {},
    sign: (bytes) => sign(null, bytes, privateKey),
    linkBytesPerSecond: 50_000_000,
    pool,
  };
}

function mctpOf(node: string, isUp: () => boolean = () => true, bytesMax: number | null = null): Mctp {
  return createMctp({
    ...optionsOf(node),
    interface: () => (isUp() ? lo : null),
    bytesMax: () => bytesMax,
  });
}

interface Member {
  readonly mctp: Mctp;
  readonly got: Buffer;
  readonly events: ReceivingEvent[];
  receiving?: Receiving;
}

async function join(
  sending: Sending,
  node: string,
  { data, manifest }: Content,
  change: Partial<BlockSink> & { readonly held?: Buffer; readonly isUp?: () => boolean } = {},
): Promise<Member> {
  const { held = null, isUp, ...sinkChange } = change;
  const got = Buffer.alloc(data.length);
  const missing = new Set(Array.from({ length: Math.ceil(data.length / blockBytes) }, (_, index) => index));
  const sink: BlockSink = {
    missing: () => [...missing],
    verify: (index, bytes) =>
      hash('sha256', bytes, 'buffer').equals(manifest.subarray(index * 32, index * 32 + 32)),
    async write(index, bytes) {
      got.set(bytes, index * blockBytes);
      missing.delete(index);
    },
    ...sinkChange,
  };
  const member: Member = { mctp: mctpOf(node, isUp), got, events: [] };
  const notice = mctpNoticeSchema.parse(JSON.parse(JSON.stringify(sending.notice(node))));
  member.receiving = await member.mctp.receive(notice, {
    manifest: held,
    async openSink(whole) {
      assert.deepEqual(whole, manifest);
      return sink;
    },
    verify: (bytes, signature) => verify(null, bytes, publicKey, signature),
    onEvent: (event) => void member.events.push(event),
  });
  sending.joined(node, member.receiving.lacks);
  return member;
}

interface Session {
  readonly sending: Sending;
  readonly events: SendingEvent[];
  ended(): Promise<Extract<SendingEvent, { type: 'ended' }>>;
}

async function begin(
  leader: Mctp,
  { data, manifest }: Content,
  receivers: readonly string[],
  more: {
    readonly repair?: 'arq' | 'fec';
    readonly read?: (index: number) => Promise<Buffer>;
    readonly bytesPerSecondMax?: number;
  } = {},
): Promise<Session> {
  const { read = async (index) => data.subarray(index * blockBytes, (index + 1) * blockBytes), ...rest } =
    more;
  const events: SendingEvent[] = [];
  const sending = await leader.send({
    source: { assignment: 'a-1', manifest, sealedBytes: data.length, plainBytes: 0, read },
    receivers,
    onEvent: (event) => void events.push(event),
    ...rest,
  });
  return {
    sending,
    events,
    async ended() {
      await until('the session has ended', () => events.at(-1)?.type === 'ended');
      const last = events.at(-1);
      assert.ok(last?.type === 'ended');
      return last;
    },
  };
}

async function close(...all: readonly Mctp[]): Promise<void> {
  await Promise.all(all.map((mctp) => mctp.close()));
}

for (const repair of ['arq', 'fec'] as const)
  for (const bytes of [900, 2_000_000]) {
    test(`MCTP-78: two receivers have the ${bytes} bytes, and it is said to them and of them (${repair})`, async () => {
      const leader = mctpOf('leader');
      const wanted = content(bytes);
      const session = await begin(leader, wanted, ['a', 'b'], { repair });
      const members = [await join(session.sending, 'a', wanted), await join(session.sending, 'b', wanted)];
      const { complete, unicast, failed, error } = await session.ended();
      assert.deepEqual(
        { complete: [...complete].sort(), unicast, failed, error },
        {
          complete: ['a', 'b'],
          unicast: [],
          failed: [],
          error: null,
        },
      );
      for (const { got, events, receiving } of members) {
        assert.ok(got.equals(wanted.data));
        assert.equal(events[0]?.type, 'complete');
        assert.equal(receiving?.state().missing, 0);
      }
      await close(leader, ...members.map(({ mctp }) => mctp));
    });
  }

test('MCTP-78: a manifest of several blocks comes before the data, and is handed over whole', async () => {
  const leader = mctpOf('leader');
  const wanted = content(500_000, 300_000);
  const session = await begin(leader, wanted, ['a']);
  const member = await join(session.sending, 'a', wanted);
  const { complete, error } = await session.ended();
  assert.deepEqual([complete, error], [['a'], null]);
  assert.ok(member.got.equals(wanted.data));
  await close(leader, member.mctp);
});

test('MCTP-71: who holds the manifest and some blocks lacks the others alone; who holds all is complete without a frame', async () => {
  const leader = mctpOf('leader');
  const wanted = content(1_000_000);
  const session = await begin(leader, wanted, ['all', 'some']);
  const all = await join(session.sending, 'all', wanted, { held: wanted.manifest, missing: () => [] });
  assert.deepEqual(all.receiving?.lacks, []);
  const lacking = new Set([2, 3, 6]);
  const some = await join(session.sending, 'some', wanted, {
    held: wanted.manifest,
    missing: () => [...lacking],
    async write(index) {
      lacking.delete(index);
    },
  });
  assert.deepEqual(some.receiving?.lacks, [
    { from: 3, to: 5 },
    { from: 7, to: 8 },
  ]);
  assert.deepEqual([...(await session.ended()).complete].sort(), ['all', 'some']);
  assert.equal(lacking.size, 0);
  await close(leader, all.mctp, some.mctp);
});

test('MCTP-78: a sink that cannot write fails its receiver, with its words, and nobody else', async () => {
  const leader = mctpOf('leader');
  const wanted = content(600_000);
  const session = await begin(leader, wanted, ['full', 'good']);
  const full = await join(session.sending, 'full', wanted, {
    write: () => Promise.reject(new Error('no space left')),
  });
  const good = await join(session.sending, 'good', wanted);
  const { complete, failed } = await session.ended();
  assert.deepEqual([complete, failed], [['good'], ['full']]);
  assert.deepEqual(full.events[0], { type: 'failed', sentence: 'no space left' });
  await close(leader, full.mctp, good.mctp);
});

test('MCTP-78: a receiver that is stopped says so, and is not waited for', async () => {
  const leader = mctpOf('leader');
  const wanted = content(4_000_000);
  const session = await begin(leader, wanted, ['a', 'b'], { bytesPerSecondMax: 4_000_000 });
  const [leaving, staying] = [
    await join(session.sending, 'a', wanted),
    await join(session.sending, 'b', wanted),
  ];
  await until('it has begun', () => (leaving.receiving?.state().missing ?? 99) < 30);
  await leaving.mctp.close();
  await until('the sender knows', () => session.events.some(({ type }) => type === 'unicast'));
  const told = session.events.find(({ type }) => type === 'unicast');
  assert.ok(told?.type === 'unicast' && told.node === 'a' && told.why === 'gone');
  assert.ok(!session.events.some(({ type }) => type === 'ended'), 'the other one goes on');
  assert.deepEqual((await session.ended()).complete, ['b']);
  await close(leader, staying.mctp);
});

test('MCTP-82: a source that cannot be read ends the session: all fetch by unicast, and it is said why', async () => {
  const leader = mctpOf('leader');
  const wanted = content(600_000);
  const read = (): Promise<Buffer> => Promise.reject(new Error('the inbox is gone'));
  const session = await begin(leader, wanted, ['a'], { read });
  const member = await join(session.sending, 'a', wanted);
  const { unicast, error } = await session.ended();
  assert.deepEqual([unicast, error], [['a'], 'the inbox is gone']);
  const told = session.events.find(({ type }) => type === 'unicast');
  assert.ok(told?.type === 'unicast' && told.sentence === 'a fetches by unicast: the session was ended.');
  await until('the receiver is told', () => member.events.some(({ type }) => type === 'ended'));
  assert.deepEqual(member.events.at(-1), { type: 'ended', how: 'unicast' });
  await close(leader, member.mctp);
});

test('N18: frames without the key are dropped and counted, and those of a member change no byte', async () => {
  const leader = mctpOf('leader');
  const wanted = content(3_000_000);
  const session = await begin(leader, wanted, ['a', 'b'], { bytesPerSecondMax: 3_000_000 });
  const member = await join(session.sending, 'a', wanted);
  const notice = session.sending.notice('b');
  const forge = { notice, address: lo.address, framesPerSecond: 20_000 };
  await sendForgedFrames({ ...forge, hasKey: false, frames: 500 });
  await until('they have arrived', () => (member.receiving?.state().dropped['forged'] ?? 0) > 400);
  await sendForgedFrames({ ...forge, hasKey: true, frames: 24 });
  const old = await begin(leader, wanted, ['c']);
  const other = { ...old.sending.notice('c'), group: notice.group };
  await sendForgedFrames({ ...forge, notice: other, hasKey: true, frames: 10 });
  session.sending.joined('b', []);
  assert.deepEqual([...(await session.ended()).complete].sort(), ['a', 'b']);
  assert.ok(member.got.equals(wanted.data));
  assert.equal(member.receiving?.state().dropped['other-session'], 10);
  await close(leader, member.mctp);
});

test('MCTP-81: while the interface is down nothing is sent, and when it is back the session goes on', async () => {
  let isUp = true;
  const leader = mctpOf('leader');
  const wanted = content(2_000_000);
  const session = await begin(leader, wanted, ['a'], { bytesPerSecondMax: 2_000_000 });
  const member = await join(session.sending, 'a', wanted, { isUp: () => isUp });
  await until('half of it is there', () => (member.receiving?.state().missing ?? 99) < 10);
  isUp = false;
  await until('it is noticed', () => member.receiving?.state().isUp === false);
  isUp = true;
  assert.deepEqual((await session.ended()).complete, ['a']);
  assert.deepEqual(
    member.events
      .filter(({ type }) => type === 'network')
      .map((event) => event.type === 'network' && event.isUp),
    [false, true],
  );
  assert.ok(member.got.equals(wanted.data));
  await close(leader, member.mctp);
});

test('MCTP-82: frames are as long as what the self-test found to arrive, and where that is too short no session begins', async () => {
  const leader = mctpOf('leader', () => true, 1_232);
  const wanted = content(300_000);
  const session = await begin(leader, wanted, ['a']);
  const member = await join(session.sending, 'a', wanted);
  const { framePayloadBytes } = session.sending.notice('b').announcement;
  assert.ok(framePayloadBytes > 1_100 && framePayloadBytes + 28 <= 1_232, String(framePayloadBytes));
  assert.deepEqual((await session.ended()).complete, ['a']);
  assert.ok(member.got.equals(wanted.data));
  const narrow = mctpOf('leader', () => true, 500);
  await assert.rejects(begin(narrow, wanted, ['a']), /frames are too small/);
  await close(leader, member.mctp);
});

test('MCTP-32: a receiver that leaves is waited for no more, and nothing of its session is kept', async () => {
  setFlagsFromString('--expose_gc');
  const collect = runInNewContext('gc') as () => void;
  const leader = mctpOf('leader');
  const wanted = content(3_000_000);
  const session = await begin(leader, wanted, ['a', 'b'], { bytesPerSecondMax: 1_000_000 });
  const mctp = mctpOf('a');
  const kept = await (async () => {
    const openSink = () => new Promise<BlockSink>(() => undefined);
    const verify = () => false;
    const options = { manifest: null, openSink, verify, onEvent: () => undefined };
    const receiving = await mctp.receive(session.sending.notice('a'), options);
    session.sending.joined('a', receiving.lacks);
    await until('frames come', () => receiving.state().frames > 10);
    await receiving.stop();
    return new WeakRef(verify);
  })();
  await until('the sender knows', () =>
    session.events.some((event) => event.type === 'unicast' && event.node === 'a' && event.why === 'gone'),
  );
  await until('it is forgotten', () => {
    collect();
    return kept.deref() === undefined;
  });
  await close(leader, mctp);
});

test('MCTP-70: sessions that begin at once have a channel each', async () => {
  const leader = mctpOf('leader');
  const wanted = content(10);
  const sessions = await Promise.all(Array.from({ length: 16 }, () => begin(leader, wanted, ['a'])));
  const groups = new Set(sessions.map(({ sending }) => sending.state().group));
  await close(leader);
  assert.equal(groups.size, 16);
});

test('MCTP-82: without an interface no session begins', async () => {
  const leader = mctpOf('leader', () => false);
  await assert.rejects(begin(leader, content(10), ['a']), /no network interface/);
  const gone = { ...lo, address: '192.0.2.1' };
  const elsewhere = createMctp({ ...optionsOf('leader'), interface: () => gone });
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  await assert.rejects(begin(elsewhere, content(10), ['a']), { code: 'EADDRNOTAVAIL' });
  assert.equal(timers(), before, 'nothing goes on');
});
