// How long the MACs of so many frames take here.

import { createFrameMac } from '../../src/net/mctp/mac/frame-mac.ts';
import { frameHeaderBytes } from '../../src/protocol/mctp/mctp-session.ts';

export function macSeconds(frames: number): number {
  const mac = createFrameMac(Buffer.alloc(16, 7));
  const header = Buffer.alloc(frameHeaderBytes);
  const payload = Buffer.alloc(1_441, 3);
  for (let warm = 0; warm < 20_000; warm += 1) mac.sign(header, payload);
  const from = performance.now();
  for (let frame = 0; frame < frames; frame += 1) mac.sign(header, payload);
  return (performance.now() - from) / 1_000;
}
