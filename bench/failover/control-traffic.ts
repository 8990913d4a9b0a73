// What a member of a segment receives and sends on the control channel: bytes of UDP payload, as its own firewall counts them.

import { setTimeout as pause } from 'node:timers/promises';
import type { LanHost } from '../../test/lab/lan.ts';

/** Headers of IPv4 and UDP. */
const headerBytes = 28;

export async function controlBytesPerSecond(host: LanHost, seconds: number): Promise<number> {
  // What it sends to the group comes back to itself, and is no traffic.
  const rules = {
    input: `ip saddr != ${host.address} meta l4proto udp counter`,
    output: 'meta l4proto udp counter',
  };
  const chains = Object.entries(rules).map(
    ([way, rule]) => `chain ${way} { type filter hook ${way} priority 0; ${rule}; }`,
  );
  const from = performance.now();
  await host.run('nft', ['-f', '-'], `table inet traffic {\n${chains.join('\n')}\n}\n`);
  await pause(seconds * 1000);
  const listed = await host.run('nft', ['list', 'table', 'inet', 'traffic']);
  const elapsedS = (performance.now() - from) / 1000;
  await host.run('nft', ['delete', 'table', 'inet', 'traffic']);
  let payload = 0;
  for (const [, packets, bytes] of listed.matchAll(/counter packets (\d+) bytes (\d+)/g))
    payload += Number(bytes) - headerBytes * Number(packets);
  return payload / elapsedS;
}
