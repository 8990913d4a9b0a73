// MCTP-74: sends the frames that the machine wants sent, in ticks of a millisecond, and measures what that came to. How much may be sent is the machine's to say;
// a send queue tells nothing here, it is always empty.

import type { MctpFrame } from '../../../protocol/mctp/mctp-messages.ts';
import { frameHeaderBytes } from '../../../protocol/mctp/mctp-session.ts';
import type { FrameMac } from '../mac/frame-mac.ts';
import { datagramKind, writeHeader } from '../wire/datagram-header.ts';

export interface FrameSender {
  /** There may be something to be sent. */
  wake(): void;
  sentBytes(): number;
  /** Of the last whole second. */
  achievedBytesPerSecond(): number;
  close(): void;
}

export interface FrameSenderOptions {
  readonly session: number;
  readonly mac: FrameMac;
  readonly wantsToSend: () => boolean;
  readonly nextFrames: (bytesMax: number) => readonly MctpFrame[];
  /** Undefined: it is being read; `wake` is called when it is there. */
  readonly payload: (frames: readonly MctpFrame[], at: number) => Uint8Array | undefined;
  readonly send: (datagram: Uint8Array[]) => void;
  readonly onTick: () => void;
}

const tickMs = 1;
/** So much in one go, then statuses get their turn. */
const bytesInOneGo = 64 * 1024;
/** The system has taken, or refused, a datagram long before its header's turn comes again. */
const headersMax = 4_096;

export function createFrameSender(options: FrameSenderOptions): FrameSender {
  const { session, mac, send } = options;
  const headers = Buffer.alloc(headersMax * frameHeaderBytes);
  const headerAt = Array.from({ length: headersMax }, (_, index) =>
    headers.subarray(index * frameHeaderBytes, (index + 1) * frameHeaderBytes),
  );
  const fields = { kind: datagramKind.frame, isLast: false, block: 0, sequence: 0, pass: 0, number: 0 };
  let nextHeader = 0;
  let queue: readonly MctpFrame[] = [];
  let queueAt = 0;
  let isWaiting = false;
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let sentBytes = 0;
  let secondAt = performance.now();
  let secondBytes = 0;
  let achieved = 0;
  let isClosed = false;

  function tick(): void {
    timer = undefined;
    immediate = undefined;
    const now = performance.now();
    const sent = sendFrames();
    measure(now, sent);
    options.onTick();
    if (isWaiting || isClosed) return;
    if (sent >= bytesInOneGo - 2_048) immediate = setImmediate(tick);
    else if (queueAt < queue.length || options.wantsToSend()) timer = setTimeout(tick, tickMs);
  }

  function sendFrames(): number {
    let sent = 0;
    for (;;) {
      if (queueAt >= queue.length) {
        queue = options.nextFrames(bytesInOneGo - sent);
        queueAt = 0;
        if (queue.length === 0) return sent;
      }
      const payload = options.payload(queue, queueAt);
      if (payload === undefined) {
        isWaiting = true;
        return sent;
      }
      sendFrame(queue[queueAt] as MctpFrame, payload);
      queueAt += 1;
      sent += payload.length + frameHeaderBytes;
    }
  }

  function sendFrame(frame: MctpFrame, payload: Uint8Array): void {
    const header = headerAt[nextHeader] as Buffer;
    nextHeader = (nextHeader + 1) % headersMax;
    fields.isLast = frame.isLast;
    fields.block = frame.block;
    fields.sequence = frame.sequence;
    fields.pass = frame.pass;
    fields.number = frame.number;
    writeHeader(header, session, fields, payload.length);
    mac.sign(header, payload);
    send([header, payload]);
  }

  function measure(now: number, sent: number): void {
    sentBytes += sent;
    secondBytes += sent;
    if (now - secondAt < 1_000) return;
    achieved = (secondBytes * 1_000) / (now - secondAt);
    secondAt = now;
    secondBytes = 0;
  }

  return {
    wake() {
      if (isClosed || timer !== undefined || immediate !== undefined) return;
      isWaiting = false;
      immediate = setImmediate(tick);
    },
    sentBytes: () => sentBytes,
    achievedBytesPerSecond: () => achieved,
    close() {
      isClosed = true;
      clearTimeout(timer);
      if (immediate !== undefined) clearImmediate(immediate);
    },
  };
}
