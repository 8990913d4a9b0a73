// Starts a program as the shipped systemd units do, as far as that goes without systemd: a numeric user of its own without capabilities,
// a read-only file system but for one directory, a private /tmp, processes of others hidden, no new privileges, umask 077.

import { type ChildProcess, spawn } from 'node:child_process';

export interface Sandbox {
  readonly uid: number;
  /** Such as `chown`, as a unit's AmbientCapabilities= gives them; none when absent. */
  readonly capabilities?: readonly string[];
  /** The one directory that may be written to. */
  readonly writable: string;
  /** Treecast's own files, wherever they are, at a place that everybody may read. */
  readonly program: { readonly from: string; readonly at: string };
}

const script = `
set -eu
writable=$1 from=$2 at=$3 uid=$4 caps=$5
shift 5
mount --make-rprivate /
mount --bind "$writable" "$writable"
mount --bind "$from" "$at"
mount -o remount,bind,ro "$at"
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,bind,ro /
mount -t proc -o subset=pid,hidepid=invisible proc /proc
umask 077
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --bounding-set="-all$caps" --inh-caps="-all$caps" --ambient-caps="-all$caps" "$@"
`;

/** `parameters` of Treecast's launcher. */
export function spawnSandboxed(
  { uid, capabilities = [], writable, program }: Sandbox,
  parameters: readonly string[],
  env: NodeJS.ProcessEnv,
): ChildProcess {
  const caps = capabilities.map((name) => `,+${name}`).join('');
  const inside = [writable, program.from, program.at, String(uid), caps];
  const own = [...inside, `${program.at}/bin/treecast`, ...parameters];
  return spawn('unshare', ['--mount', '--ipc', 'sh', '-c', script, 'sh', ...own], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}
