// Somebody in the LAN who puts frames of its own among those of a session: with the session's key, as a member that was bought, or without, as an outsider.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createFrameMac } from '../../../src/net/mctp/mac/frame-mac.ts';
import type { MctpNotice } from '../../../src/net/mctp/mctp-session.ts';
import { datagramKind, writeHeader } from '../../../src/net/mctp/wire/datagram-header.ts';
import { createMctpLayout, frameHeaderBytes } from '../../../src/protocol/mctp/mctp-session.ts';

export interface RogueOptions {
  readonly notice: MctpNotice;
  readonly address: string;
  readonly hasKey: boolean;
  /** Frames, one of each block in turn. */
  readonly frames: number;
  readonly framesPerSecond: number;
}

/** Resolves when all are sent. */
export async function sendForgedFrames({
  notice,
  address,
  hasKey,
  frames,
  framesPerSecond,
}: RogueOptions): Promise<void> {
  const { announcement } = notice;
  const layout = createMctpLayout(announcement);
  const key = hasKey ? Buffer.from(notice.sessionKey, 'base64') : randomBytes(16);
  const mac = createFrameMac(key);
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  socket.setMulticastInterface(address);
  socket.connect(notice.port, notice.group);
  await once(socket, 'connect');
  const payload = randomBytes(announcement.framePayloadBytes);
  const from = performance.now();
  let sent = 0;
  while (sent < frames) {
    const due = Math.min(frames, ((performance.now() - from) / 1_000) * framesPerSecond);
    for (let burst = 0; burst < 64 && sent < due; burst += 1) {
      const block = sent % layout.blocks;
      const sequence = Math.floor(sent / layout.blocks) % layout.frames(block);
      const bytes = payload.subarray(0, layout.payloadBytes(block, sequence));
      const header = Buffer.alloc(frameHeaderBytes);
      const number = (sent % 1_000) + 1;
      const fields = { kind: datagramKind.frame, isLast: false, block, sequence, pass: 0, number };
      writeHeader(header, announcement.session, fields, bytes.length);
      mac.sign(header, bytes);
      socket.send([header, bytes], () => undefined);
      sent += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.close();
}
