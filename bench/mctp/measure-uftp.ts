// The peer: uftp sends a file of the same size to the same hosts with the same loss. Its seconds are those of its sender's life; a file that differs fails it.

import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LanHost } from '../../test/lab/lan.ts';
import { createProcesses } from '../../test/lab/processes.ts';
import { runProgram } from '../../test/lab/run-program.ts';

const group = '239.255.84.67';
const bufferBytes = '10000000';

export async function measureUftp(
  hosts: readonly LanHost[],
  bytes: number,
): Promise<{ readonly seconds: number; readonly wireBytes: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-uftp-'));
  const processes = createProcesses();
  const [sender, ...receivers] = hosts as [LanHost, ...LanHost[]];
  const path = join(directory, 'file');
  try {
    const file = await open(path, 'w');
    const part = Buffer.alloc(1_000_000);
    for (let at = 0; at < bytes; at += part.length)
      await file.write(randomFillSync(part), 0, Math.min(part.length, bytes - at));
    await file.close();
    for (const [index, host] of receivers.entries()) {
      const into = join(directory, `d${index + 1}`);
      await mkdir(into);
      const id = `0x${(index + 1).toString(16).padStart(8, '0')}`;
      const options = ['-d', '-t', '-D', into, '-M', group, '-I', 'eth0', '-U', id, '-B', bufferBytes];
      processes.add(host.spawn('uftpd', options, { stdio: 'ignore' }));
    }
    await Promise.all(receivers.map(isListening));
    const before = (await sender.traffic()).sent;
    const from = performance.now();
    const options = ['-R', '-1', '-M', group, '-P', group, '-I', 'eth0', '-B', bufferBytes, path];
    const sending = processes.add(sender.spawn('uftp', options, { stdio: 'ignore' }));
    await once(sending, 'exit');
    const seconds = (performance.now() - from) / 1_000;
    const sent = (await sender.traffic()).sent - before;
    for (const index of receivers.keys())
      await runProgram('cmp', ['-s', path, join(directory, `d${index + 1}`, 'file')]);
    return { seconds, wireBytes: sent };
  } finally {
    await processes.end();
    await rm(directory, { recursive: true, force: true });
  }
}

/** uftpd says nothing when it is ready; its group is joined then. */
async function isListening(host: LanHost): Promise<void> {
  const wanted = 'EF FF 54 43'.split(' ').reverse().join('');
  for (;;) {
    if ((await host.run('cat', ['/proc/net/igmp'])).includes(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
