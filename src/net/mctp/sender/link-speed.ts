// What the interface's link carries, as its driver says: the first guess of the rate. Virtual ones say anything, wireless ones nothing, and no process sends
// faster than the most that is taken here.

import { readFile } from 'node:fs/promises';

const fallbackMbit = 1_000;
const mostMbit = 1_000;

export async function linkBytesPerSecond(interfaceName: string): Promise<number> {
  const text = await readFile(`/sys/class/net/${interfaceName}/speed`, 'utf8').catch(() => '');
  const mbit = Number.parseInt(text, 10);
  return (Math.min(mostMbit, mbit > 0 ? mbit : fallbackMbit) * 1e6) / 8;
}
