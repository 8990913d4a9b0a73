// A file to all hosts of a LAN by one MCTP session, and by uftp in the same run, alternating: seconds, and bytes on the wire by its size. With `--forged`, what an
// outsider's frames cost.

import { loadavg } from 'node:os';
import { isProgramThere } from '../../src/plugins/host/find-program.ts';
import { createLan, type LanHost } from '../../test/lab/lan.ts';
import type { Bench, BenchContext } from '../bench.ts';
import { rounded } from '../push-to-live/figures.ts';
import { allowLargeBuffers } from './large-buffers.ts';
import { macSeconds } from './mac-seconds.ts';
import { measureRate } from './measure-rate.ts';
import { measureSession, type SessionFigures } from './measure-session.ts';
import { measureUftp } from './measure-uftp.ts';

export const mctp: Bench = {
  name: 'mctp',
  summary:
    'seconds and bytes on the wire of one multicast session, with loss both ways at each receiver; needs root',
  usage:
    '[--receivers 4,16] [--mb 200] [--loss 0,2,5,10] [--repair fec] [--rounds 1] [--peer] [--forged 1000000] [--shape 100]',
  options: {
    receivers: { type: 'string', default: '4,16' },
    mb: { type: 'string', default: '200' },
    loss: { type: 'string', default: '0,2,5,10' },
    repair: { type: 'string', default: 'fec' },
    rounds: { type: 'string', default: '1' },
    peer: { type: 'boolean' },
    forged: { type: 'string' },
    shape: { type: 'string' },
  },
  async run(context) {
    const { values } = context;
    const numbers = (name: string): number[] => String(values[name]).split(',').map(Number);
    const [mb = 0] = numbers('mb');
    const repair = values['repair'] === 'arq' ? 'arq' : 'fec';
    if (!(mb > 0) || [...numbers('receivers'), ...numbers('loss')].some(Number.isNaN)) {
      process.stderr.write('--mb, --receivers and --loss are numbers\n');
      return 2;
    }
    if (process.getuid?.() !== 0) {
      process.stderr.write('mctp needs root: each receiver has a network namespace of its own\n');
      return 2;
    }
    if (values['peer'] === true && !isProgramThere('uftp')) {
      process.stderr.write("--peer needs the programs of Debian's package uftp\n");
      return 2;
    }
    const restore = await allowLargeBuffers();
    try {
      for (const receivers of numbers('receivers')) {
        const lan = await createLan({ hosts: receivers + 1 });
        try {
          const wanted = { bytes: mb * 1_000_000, repair } as const;
          if (values['forged'] !== undefined)
            await reportForged(lan.hosts, wanted, Number(values['forged']), context);
          else if (values['shape'] !== undefined)
            context.report({
              bench: 'mctp-rate',
              receivers,
              ...(await measureRate(lan.hosts, Number(values['shape']))),
            });
          else
            for (const loss of numbers('loss'))
              for (let round = 0; round < Number(values['rounds']); round += 1)
                await reportCase(lan.hosts, wanted, loss, context);
        } finally {
          await lan.close();
        }
      }
    } finally {
      await restore();
    }
    return 0;
  },
};

interface Wanted {
  readonly bytes: number;
  readonly repair: 'arq' | 'fec';
}

async function reportCase(
  hosts: readonly LanHost[],
  wanted: Wanted,
  loss: number,
  { values, report, say }: BenchContext,
): Promise<void> {
  const receivers = hosts.length - 1;
  await Promise.all(hosts.slice(1).map((host) => host.loss(loss)));
  say(`${receivers} receivers, ${loss} % loss both ways`);
  const figures = await measureSession(hosts, wanted);
  const peer = values['peer'] === true ? await measureUftp(hosts, wanted.bytes) : undefined;
  report({
    bench: 'mctp',
    receivers,
    mb: wanted.bytes / 1_000_000,
    loss,
    repair: wanted.repair,
    seconds: rounded(figures.seconds),
    wire_ratio: rounded(figures.wireBytes / wanted.bytes),
    ...(peer && {
      peer_seconds: rounded(peer.seconds),
      peer_wire_ratio: rounded(peer.wireBytes / wanted.bytes),
      ratio: rounded(figures.seconds / peer.seconds),
    }),
    ...more(figures, receivers),
  });
}

function more(figures: SessionFigures, receivers: number): Record<string, number> {
  return {
    unicast: figures.unicast,
    cpu_s: rounded(figures.cpuSeconds),
    mac_share: rounded((macSeconds(figures.frames) * (1 + receivers)) / figures.cpuSeconds),
    receiver_rss_growth_mb: Math.round((figures.receiverRssBytes - figures.receiverRssBefore) / 1_000_000),
    load: rounded(loadavg()[0] as number),
  };
}

/** The session is slow enough that the processors of this machine, which forger and receivers share, are not what is measured. */
const forgedBytesPerSecond = 10_000_000;

async function reportForged(
  hosts: readonly LanHost[],
  { bytes, repair }: Wanted,
  frames: number,
  { report }: BenchContext,
): Promise<void> {
  const wanted = { bytes, repair, bytesPerSecondMax: forgedBytesPerSecond };
  const plain = await measureSession(hosts, wanted);
  const framesPerSecond = frames / (plain.seconds * 0.9);
  const forged = await measureSession(hosts, {
    ...wanted,
    beside: (fleet) => fleet.forge(fleet.names[0] as string, { hasKey: false, frames, framesPerSecond }),
  });
  report({
    bench: 'mctp-forged',
    receivers: hosts.length - 1,
    mb: bytes / 1_000_000,
    forged: frames,
    dropped_forged: forged.dropped['forged'] ?? 0,
    accepted: Math.max(0, forged.receiverFrames - forged.frames),
    seconds_plain: rounded(plain.seconds),
    seconds: rounded(forged.seconds),
    throughput_loss: rounded(1 - plain.seconds / forged.seconds),
    load: rounded(loadavg()[0] as number),
  });
}
