// What the kernel knows of a process: memory and processor time, all threads together.

import { readFileSync } from 'node:fs';

/** Most memory it has had at once, in MB of 10^6 bytes, rounded up. */
export function peakMb(pid: number): number {
  return kibOf(pid, 'VmHWM');
}

export function residentMb(pid: number): number {
  return kibOf(pid, 'VmRSS');
}

function kibOf(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kib === undefined) throw new Error(`the kernel says no ${field} of process ${pid}`);
  return Math.ceil((Number(kib) * 1024) / 1e6);
}

/** User and system time so far, in seconds; the kernel counts in hundredths. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Behind the program's name, which may hold anything: fields 14 and 15 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
