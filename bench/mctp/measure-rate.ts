// How a session behaves on a link that is narrower than its interface says: how soon it sends 80 % of what the link carries, its mean, and what a TCP flow to the same
// receiver keeps of it meanwhile.

import type { LanHost } from '../../test/lab/lan.ts';
import { createSessionFleet } from '../../test/lab/mctp/session-fleet.ts';
import { endProgram } from '../../test/lab/run-program.ts';
import { rounded } from '../push-to-live/figures.ts';

export interface RateFigures {
  readonly shaped_mbit: number;
  /** From the first frame on; null: never. */
  readonly reached_s: number | null;
  /** Of the link, from then on. */
  readonly share: number;
  /** Of the link, while both send. */
  readonly tcp_share: number;
}

const sampleMs = 100;
const wantedShare = 0.8;
const tcpSeconds = 30;
const tcpPort = 17_990;

export async function measureRate(hosts: readonly LanHost[], mbit: number): Promise<RateFigures> {
  const [sender, receiver] = hosts as [LanHost, LanHost];
  const linkBytesPerSecond = (mbit * 1e6) / 8;
  await sender.rate(`${mbit}mbit`);
  const fleet = await createSessionFleet(hosts);
  try {
    await fleet.makeContent(linkBytesPerSecond * (tcpSeconds + 15));
    await fleet.start();
    await fleet.send({ repair: 'fec', linkBytesPerSecond });
    const samples = await sample(sender, 5_000);
    const perSample = (linkBytesPerSecond * sampleMs) / 1_000;
    // What is on the wire is more than what the machine counts: the share is of the link.
    const at = samples.findIndex((bytes) => bytes >= 0.95 * wantedShare * perSample);
    const behind = samples.slice(at);
    const tcpBytes = await tcpFlow(sender, receiver);
    return {
      shaped_mbit: mbit,
      reached_s: at < 0 ? null : ((at + 1) * sampleMs) / 1_000,
      share:
        at < 0 ? 0 : rounded(behind.reduce((sum, bytes) => sum + bytes, 0) / (behind.length * perSample)),
      tcp_share: rounded(tcpBytes / (linkBytesPerSecond * tcpSeconds)),
    };
  } finally {
    await fleet.close();
    await sender.run('tc', ['qdisc', 'del', 'dev', 'eth0', 'root']);
  }
}

async function sample(host: LanHost, forMs: number): Promise<number[]> {
  const samples: number[] = [];
  let before = (await host.traffic()).sent;
  let at = performance.now();
  for (const end = at + forMs; at < end; ) {
    await new Promise((resolve) => setTimeout(resolve, sampleMs));
    const bytes = (await host.traffic()).sent;
    const now = performance.now();
    samples.push(((bytes - before) * sampleMs) / (now - at));
    before = bytes;
    at = now;
  }
  return samples;
}

const sink = `
  let bytes = 0;
  process.getBuiltinModule('node:net').createServer((socket) => {
    socket.on('data', (part) => { bytes += part.length; }).on('error', () => {});
    setTimeout(() => { process.stdout.write(String(bytes)); process.exit(); }, ${tcpSeconds * 1_000});
  }).listen(${tcpPort});
`;
const source = (address: string): string => `
  const part = Buffer.alloc(65536);
  const socket = process.getBuiltinModule('node:net').connect(${tcpPort}, '${address}');
  const fill = () => { while (socket.write(part)); };
  socket.on('connect', fill).on('drain', fill).on('error', () => process.exit());
`;

/** Bytes that arrive in half a minute. */
async function tcpFlow(from: LanHost, to: LanHost): Promise<number> {
  const program = (host: LanHost, script: string) =>
    endProgram('ip', ['netns', 'exec', host.namespace, process.execPath, '-e', script]);
  const receiving = program(to, sink);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const sending = program(from, source(to.address));
  const { stdout } = await receiving;
  await sending;
  return Number(stdout);
}
