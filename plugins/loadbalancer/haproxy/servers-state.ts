// Reads HAProxy's `show servers state`: what was asked of each server (admin state), what its checks say, and its weights. The status
// column of `show stat` is not enough: a drained server whose check fails is shown as DOWN there.

import { PluginError } from 'treecast/plugin';

export interface ServerAdmin {
  readonly backend: string;
  readonly server: string;
  readonly asked: 'ready' | 'drain' | 'maint';
  /** False while its checks (or its agent) say that it is down. */
  readonly up: boolean;
  /** Whether HAProxy checks it. */
  readonly checked: boolean;
  readonly weight: number;
  /** As in the configuration file. */
  readonly usualWeight: number;
}

// include/haproxy/server-t.h: forced, inherited, resolution, host name; then forced and inherited drain. 0x04 only remembers that the
// server was disabled in the configuration, also after it was put back.
const maintFlags = 0x01 | 0x02 | 0x20 | 0x40;
const drainFlags = 0x08 | 0x10;
// include/haproxy/check-t.h
const checkEnabled = 0x04;

export function parseServersState(text: string): readonly ServerAdmin[] {
  const lines = text.split('\n');
  const head = lines[1]?.split(' ') ?? [];
  if (lines[0] !== '1' || head[0] !== '#') throw notState(text);
  const columns = head.slice(1);
  return lines.slice(2).flatMap((line) => {
    if (line === '') return [];
    const fields = line.split(' ');
    const field = (name: string): string => {
      const value = fields[columns.indexOf(name)];
      if (value === undefined) throw notState(text);
      return value;
    };
    const number = (name: string): number => {
      const value = field(name);
      if (!/^-?\d{1,10}$/.test(value)) throw notState(text);
      return Number(value);
    };
    const admin = number('srv_admin_state');
    return [
      {
        backend: field('be_name'),
        server: field('srv_name'),
        asked: (admin & maintFlags) !== 0 ? 'maint' : (admin & drainFlags) !== 0 ? 'drain' : 'ready',
        up: number('srv_op_state') !== 0,
        checked: (number('srv_check_state') & checkEnabled) !== 0,
        weight: number('srv_uweight'),
        usualWeight: number('srv_iweight'),
      } as const,
    ];
  });
}

function notState(text: string): PluginError {
  return new PluginError(`answered no state of servers: ${JSON.stringify(text.slice(0, 80))}`, {
    fix: 'Let `sockets` name the stats socket of an HAProxy 2.4 or later.',
  });
}
