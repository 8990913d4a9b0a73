// A process that runs one MCTP session, as leader or as member, in whatever network namespace it was started. Its parent stands for the TLS connections.

import { createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { blockBytes } from '../../../src/model/assignment.ts';
import { steadyClock } from '../../../src/net/clock.ts';
import { createMctp, type Mctp } from '../../../src/net/mctp/mctp.ts';
import type { BlockSink, Receiving, ReceivingEvent, Sending } from '../../../src/net/mctp/mctp-session.ts';
import { localInterfaces } from '../../../src/net/segment/channel/local-interfaces.ts';
import { familyOf } from '../../../src/net/segment/channel/udp-sockets.ts';
import type { Order, ReceiveOrder, SendOrder, Word } from './node-words.ts';
import { sendForgedFrames } from './rogue.ts';

let mctp: Mctp | undefined;
let sending: Sending | undefined;
let receiving: Receiving | undefined;

const say = (word: Word): void => void process.send?.(word);

process.on('message', (order: Order) => {
  carryOut(order).catch((error: unknown) => {
    say({
      word: 'refused',
      sentence: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  });
});
process.on('disconnect', () => process.exit()).on('SIGTERM', () => process.exit());
say({ word: 'ready' });

async function carryOut(order: Order): Promise<void> {
  if (order.order === 'send') await send(order);
  else if (order.order === 'receive') await receive(order);
  else if (order.order === 'joined') sending?.joined(order.node, order.lacks);
  else if (order.order === 'absent') sending?.absent(order.node);
  else if (order.order === 'notice' && sending !== undefined)
    say({ word: 'notice', node: order.node, notice: sending.notice(order.node) });
  else if (order.order === 'forge') {
    await sendForgedFrames(order);
    say({ word: 'forged' });
  } else if (order.order === 'state') {
    const { user, system } = process.cpuUsage();
    say({
      word: 'state',
      sending: sending?.state() ?? null,
      receiving: receiving?.state() ?? null,
      cpuMs: (user + system) / 1_000,
      rssBytes: process.resourceUsage().maxRSS * 1_024,
    });
  } else if (order.order === 'stop') await mctp?.close();
}

function start(
  { node, address }: SendOrder | ReceiveOrder,
  more: { readonly sign: (bytes: Buffer) => Buffer; readonly linkBytesPerSecond?: number },
): Mctp {
  mctp = createMctp({
    node,
    interface: () => localInterfaces(familyOf(address)).find((local) => local.address === address) ?? null,
    bytesMax: () => null,
    clock: steadyClock,
    log: (event, data) => process.stderr.write(`${node} ${event} ${JSON.stringify(data)}\n`),
    ...more,
  });
  return mctp;
}

async function send(order: SendOrder): Promise<void> {
  const file = await open(order.dataFile);
  const { size } = await file.stat();
  const key = createPrivateKey(order.privateKey);
  const read = async (index: number): Promise<Buffer> => {
    const bytes = Buffer.allocUnsafeSlow(Math.min(blockBytes, size - index * blockBytes));
    await file.read(bytes, 0, bytes.length, index * blockBytes);
    return bytes;
  };
  const server = createServer((request, response) => {
    read(Number(request.url?.slice(1))).then(
      (bytes) => response.end(bytes),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, order.address, resolve));
  const place = server.address();
  const port = typeof place === 'object' && place !== null ? place.port : 0;
  const { linkBytesPerSecond, bytesPerSecondMax } = order;
  sending = await start(order, {
    sign: (bytes) => sign(null, bytes, key),
    ...(linkBytesPerSecond === null ? {} : { linkBytesPerSecond }),
  }).send({
    source: {
      assignment: 'lab',
      manifest: await readFile(order.manifestFile),
      sealedBytes: size,
      plainBytes: 0,
      read,
    },
    receivers: order.receivers,
    repair: order.repair,
    ...(bytesPerSecondMax === null ? {} : { bytesPerSecondMax }),
    onEvent: (event) => say({ word: 'sending-event', event }),
  });
  say({
    word: 'sending',
    fetchFrom: `http://${order.address.includes(':') ? `[${order.address}]` : order.address}:${port}`,
  });
  for (const node of order.receivers) say({ word: 'notice', node, notice: sending.notice(node) });
}

async function receive(order: ReceiveOrder): Promise<void> {
  const key = createPublicKey(order.publicKey);
  let sink: BlockSink | undefined;
  let asked = 0;
  const manifestBlocks = order.notice.announcement.manifestHashes.length;

  async function fetchBlocks(event: Extract<ReceivingEvent, { type: 'fetch' }>): Promise<void> {
    if (sink === undefined) return;
    const missing = sink.missing();
    const wanted =
      event.blocks === null
        ? missing
        : event.blocks.flatMap(({ from, to }) =>
            missing.filter((index) => index + manifestBlocks >= from && index + manifestBlocks < to),
          );
    for (const index of wanted) {
      const response = await fetch(`${order.fetchFrom}/${index}`);
      const bytes = Buffer.from(await response.arrayBuffer());
      if (!sink.verify(index, bytes)) throw new Error(`block ${index} is not the leader's`);
      await sink.write(index, bytes);
      receiving?.written(index);
      asked += 1;
    }
    say({ word: 'fetched', blocks: asked });
  }

  receiving = await start(order, { sign: () => Buffer.alloc(64) }).receive(order.notice, {
    manifest: null,
    openSink: async (manifest) => {
      sink = await openFileSink(order.dataFile, manifest, order.notice.announcement.sealedBytes);
      return sink;
    },
    verify: (bytes, signature) => verify(null, bytes, key, signature),
    onEvent(event) {
      say({ word: 'receiving-event', event });
      if (event.type === 'fetch')
        fetchBlocks(event).catch((error: unknown) => say({ word: 'refused', sentence: String(error) }));
    },
  });
  say({ word: 'joined', lacks: receiving.lacks });
}

/** The manifest is the SHA-256 of each block. What the file holds already, as after a restart, is not missing. */
async function openFileSink(path: string, manifest: Buffer, size: number): Promise<BlockSink> {
  const file: FileHandle = await open(path, 'a+').then(async (made) => {
    await made.close();
    return open(path, 'r+');
  });
  const blocks = Math.ceil(size / blockBytes);
  const isThere = new Uint8Array(blocks);
  const verifyBlock = (index: number, bytes: Buffer): boolean =>
    hash('sha256', bytes, 'buffer').equals(manifest.subarray(index * 32, index * 32 + 32));
  const { size: had } = await file.stat();
  for (let index = 0; index * blockBytes < had; index += 1) {
    const bytes = Buffer.alloc(Math.min(blockBytes, size - index * blockBytes));
    await file.read(bytes, 0, bytes.length, index * blockBytes);
    if (verifyBlock(index, bytes)) isThere[index] = 1;
  }
  return {
    missing: () => [...isThere.keys()].filter((index) => isThere[index] === 0),
    verify: verifyBlock,
    async write(index, bytes) {
      writeSync(file.fd, bytes, 0, bytes.length, index * blockBytes);
      isThere[index] = 1;
    },
  };
}
