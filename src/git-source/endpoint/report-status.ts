// Git's report of a push (report-status and report-status-v2): was the pack unpacked, which refs moved.

import { createPacketReader } from './pkt-line.ts';

export interface ReportStatus {
  readonly unpacked: boolean;
  /** What it says went wrong, a line each. */
  readonly complaint: string;
  readonly moved: ReadonlySet<string>;
}

export interface ReportStatusReader {
  read(data: Buffer): void;
  /** Undefined until the report is complete. */
  report(): ReportStatus | undefined;
}

export function createReportStatusReader(): ReportStatusReader {
  const moved = new Set<string>();
  let unpacked = false;
  let complaint = '';
  let complete = false;
  const reader = createPacketReader((data) => {
    if (data === undefined) {
      complete = true;
      return false;
    }
    const line = data.toString('utf8').replace(/\n$/, '');
    if (line === 'unpack ok') unpacked = true;
    else if (line.startsWith('ok ')) moved.add(line.slice('ok '.length));
    else if (/^(?:unpack|ng) /.test(line)) complaint += `${line}\n`;
    return true;
  });
  return {
    read(data) {
      if (!complete) reader.read(data);
    },
    report: () => (complete ? { unpacked, moved, complaint } : undefined),
  };
}
