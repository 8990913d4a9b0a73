// How many datagrams this machine has dropped for want of room in a socket's buffer, since its start, of all its sockets: as Linux counts them.

import { readFileSync } from 'node:fs';

export interface UdpDrops {
  /** That arrived, and that were to be sent. */
  readonly received: number;
  readonly sent: number;
}

/** Zeros where the system does not tell. */
export function udpDrops(directory = '/proc/net'): UdpDrops {
  const [v4, v6] = [textOf(`${directory}/snmp`), textOf(`${directory}/snmp6`)];
  return {
    received: inTable(v4, 'Udp', 'RcvbufErrors') + inList(v6, 'Udp6RcvbufErrors'),
    sent: inTable(v4, 'Udp', 'SndbufErrors') + inList(v6, 'Udp6SndbufErrors'),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** A line of names and a line of numbers, both after the protocol's name. */
function inTable(text: string, protocol: string, name: string): number {
  const [names = [], numbers = []] = text
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}: `))
    .map((line) => line.split(/\s+/));
  return numberOf(numbers[names.indexOf(name)]);
}

/** Name and number on each line. */
function inList(text: string, name: string): number {
  return numberOf(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(text)?.[1]);
}

function numberOf(text: string | undefined): number {
  const value = Number(text ?? 0);
  return Number.isSafeInteger(value) ? value : 0;
}
