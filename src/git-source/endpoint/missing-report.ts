// The report that Git could not write any more, because it was killed or died while its answer was on its way. Without one, a git client
// waits for ever: it takes the end of the answer for a pause. What it says is read from the refs.

import { flushPacket, messagePacket, packet } from './pkt-line.ts';
import type { PushRequest } from './push-request.ts';

const chunkBytesMax = 65_000;
const stored = 'treecast: the push is stored, but git was ended on the server before it could report it.';
const lost = 'treecast: git was ended on the server before it was done; no branch moved. Push again.';

/** For the rest of the answer, its end included. */
export function missingReport(request: PushRequest, moved: ReadonlySet<string>): Buffer {
  const { capabilities, updates } = request;
  const lines = [
    moved.size > 0 ? 'unpack ok\n' : 'unpack git was ended on the server\n',
    ...updates.map(({ ref }) => (moved.has(ref) ? `ok ${ref}\n` : `ng ${ref} git was ended on the server\n`)),
  ];
  const wanted = capabilities.has('report-status') || capabilities.has('report-status-v2');
  const report = wanted
    ? Buffer.concat([...lines.map((line) => packet(line)), flushPacket])
    : Buffer.alloc(0);
  if (!capabilities.has('side-band-64k')) return report;
  const chunks: Buffer[] = [messagePacket(moved.size > 0 ? stored : lost)];
  for (let at = 0; at < report.length; at += chunkBytesMax) {
    chunks.push(packet(Buffer.concat([Buffer.from([1]), report.subarray(at, at + chunkBytesMax)])));
  }
  return Buffer.concat([...chunks, flushPacket]);
}
