// The other side: what a careful operator does without Treecast. A post-receive hook checks the pushed tree out, copies it over warm ssh
// connections to all servers in parallel, and swaps a symlink on each. With rsync, unchanged files are hard links, and nothing is synced
// to disk; with tar, for a first push, each server syncs once before it swaps.

import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Place, spawnAt } from '../../test/lab/places.ts';
import { createProcesses, lineFrom } from '../../test/lab/processes.ts';
import { runProgram } from '../../test/lab/run-program.ts';
import { gitEnvironment } from './author.ts';

export interface Peer {
  readonly remote: string;
  /** The path as each server has it live. */
  read(path: string): Promise<Buffer[]>;
  close(): Promise<void>;
}

/** A user with a light login shell, as in a sober installation; removed again when it was made here. */
const user = 'treecast-peer';

export async function createPeer(
  directory: string,
  places: readonly Place[],
  copy: 'rsync' | 'tar' = 'rsync',
): Promise<Peer> {
  await mkdir(directory, { recursive: true });
  await mkdir('/run/sshd', { recursive: true });
  const madeUser = await ensureUser();
  const processes = createProcesses();
  const close = async (): Promise<void> => {
    await processes.end();
    if (madeUser) await runProgram('userdel', [user]).catch(() => undefined);
  };
  try {
    const key = join(directory, 'key');
    const hostKey = join(directory, 'host-key');
    for (const file of [key, hostKey])
      await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    const authorized = join(directory, 'authorized');
    await copyFile(`${key}.pub`, authorized);
    await chmod(authorized, 0o644);
    const servers = places.map((place, index) => ({
      place,
      home: join(directory, `server${index + 1}`),
      control: join(directory, `control${index + 1}`),
    }));
    for (const { place, home, control } of servers) {
      await mkdir(join(home, 'site'), { recursive: true });
      await runProgram('chown', ['-R', user, home]);
      const daemon = processes.add(startSshd(place, hostKey, authorized));
      await lineFrom(daemon, (line) => line.includes('Server listening on'));
      const master = processes.add(startMaster(place, key, control));
      await lineFrom(master, (line) => line.includes('Entering interactive session'));
    }
    const remote = join(directory, 'staging.git');
    await runProgram('git', ['init', '--quiet', '--bare', remote], { env: gitEnvironment });
    const hook = join(remote, 'hooks/post-receive');
    await writeFile(hook, postReceive(directory, servers, copy), { mode: 0o755 });
    return {
      remote,
      read: (path) => Promise.all(servers.map(({ home }) => readFile(join(home, 'site/live', path)))),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function ensureUser(): Promise<boolean> {
  const isThere = await runProgram('id', [user]).then(
    () => true,
    () => false,
  );
  if (isThere) return false;
  await runProgram('useradd', [
    '--system',
    '--no-create-home',
    '--home-dir',
    '/',
    '--shell',
    '/bin/dash',
    user,
  ]);
  await runProgram('usermod', ['--password', '*', user]);
  return true;
}

function startSshd(place: Place, hostKey: string, authorized: string): ReturnType<typeof spawn> {
  const settings = [
    `AuthorizedKeysFile=${authorized}`,
    'StrictModes=no',
    'PidFile=none',
    'MaxStartups=100',
    'UsePAM=no',
    'UseDNS=no',
    `ListenAddress=${place.address}`,
  ];
  const parameters = [
    '-D',
    '-e',
    '-f',
    '/dev/null',
    '-h',
    hostKey,
    ...settings.flatMap((setting) => ['-o', setting]),
  ];
  return spawnAt(place, '/usr/sbin/sshd', parameters, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A connection that stays open; the hook's ssh and rsync go through it. */
function startMaster(place: Place, key: string, control: string): ReturnType<typeof spawn> {
  const parameters = [
    ['-v', '-N', '-M', '-S', control, '-i', key, '-F', '/dev/null'],
    ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'IdentitiesOnly=yes'],
    [`${user}@${place.address}`],
  ];
  return spawn('ssh', parameters.flat(), { stdio: ['ignore', 'ignore', 'pipe'] });
}

interface Server {
  readonly home: string;
  readonly control: string;
}

const copyWith = {
  rsync: ({ home, control }: Server, out: string) =>
    `rsync -a --delete -e 'ssh -q -F /dev/null -S ${control}' --link-dest=${home}/site/live ${out}/ ${user}@x:${home}/site/$release/ 2>/dev/null`,
  tar: ({ home, control }: Server, out: string) =>
    `tar -C ${out} -cf - . | ssh -q -F /dev/null -S ${control} ${user}@x "mkdir ${home}/site/$release && tar -C ${home}/site/$release -xf - && sync -f ${home}/site"`,
};

function postReceive(directory: string, servers: readonly Server[], copy: 'rsync' | 'tar'): string {
  const out = join(directory, 'out');
  const copies = servers.map(
    (server) =>
      `( ${copyWith[copy](server, out)} &&
  ssh -q -F /dev/null -S ${server.control} ${user}@x "cd ${server.home}/site && ln -s $release tmp && mv -T tmp live" ) &`,
  );
  return `#!/bin/bash
read -r _ new _
mkdir -p ${out}
git --work-tree=${out} checkout -q -f "$new" || exit 1
release=$(date +%s%N)
${copies.join('\n')}
wait
`;
}
