// What Git answers to a push, on its way to the client: passed on as it comes, but the closing flush packet is held back, so that
// the endpoint can add lines for the pusher's terminal after the report.

import { createPacketReader, flushPacket } from './pkt-line.ts';
import type { PushRequest } from './push-request.ts';
import { createReportStatusReader, type ReportStatus } from './report-status.ts';

export interface PushResponse {
  /** Takes Git's output; returns what may go to the client now. */
  receive(chunk: Buffer): Buffer;
  /** Undefined until Git has reported, and always for clients that asked for no report. */
  report(): ReportStatus | undefined;
  /** The end of what Git printed for the pusher, e.g. complaints about objects. */
  messages(): string;
  /** Lines can be added; without the side-band-64k capability they cannot. */
  readonly hasSideband: boolean;
  /** Git's answer is complete; it is not when Git was killed, or died. */
  isEnded(): boolean;
  /** The held flush packet, or nothing. */
  end(): Buffer;
}

const messageBytesMax = 8_192;
const nothing = Buffer.alloc(0);

export function createPushResponse(request: PushRequest): PushResponse {
  const { capabilities } = request;
  const hasSideband = capabilities.has('side-band-64k');
  const reports = capabilities.has('report-status') || capabilities.has('report-status-v2');
  const status = createReportStatusReader();
  let messages = '';
  let flushHeld = false;
  let ready: Buffer[] = [];

  const sideband = createPacketReader((data, whole) => {
    if (data === undefined) {
      flushHeld = true;
      return true;
    }
    ready.push(whole);
    if (data[0] === 1 && reports) status.read(data.subarray(1));
    else if (data[0] === 2) messages = (messages + data.toString('utf8', 1)).slice(-messageBytesMax);
    return true;
  });

  return {
    hasSideband,
    receive(chunk) {
      if (!hasSideband) {
        if (reports) status.read(chunk);
        return chunk;
      }
      ready = [];
      sideband.read(chunk);
      return ready.length === 1 ? (ready[0] as Buffer) : Buffer.concat(ready);
    },
    report: () => status.report(),
    messages: () => messages,
    isEnded: () => (hasSideband ? flushHeld : !reports || status.report() !== undefined),
    end: () => (flushHeld ? flushPacket : nothing),
  };
}
