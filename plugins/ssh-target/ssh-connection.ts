// One server reached by SSH: runs a script there, and tells how rsync reaches it. Connections are shared for a few seconds where the state
// directory's path allows a socket. Decides nothing about trees.

import { join } from 'node:path';
import { type Exec, type HookCall, PluginError } from 'treecast/plugin';
import { explainFailure } from './explain-failure.ts';
import type { SshTargetConfig } from './ssh-target-config.ts';

export interface SshConnection {
  /** `words` become the script's arguments. Answers its lines; throws a PluginError that says what is wrong. */
  run(script: string, words: readonly string[], call: HookCall): Promise<readonly string[]>;
  /** Answers rsync's lines. */
  rsync(args: readonly string[], call: HookCall): Promise<readonly string[]>;
  /** A directory there, as rsync writes it. */
  place(path: string): string;
}

const plainWord = /^[A-Za-z0-9_@+,./-]+$/;
/** A Unix socket's path has at most 107 bytes, and ssh adds 17 while it makes one. */
const socketPathBytesMax = 90;
const persistSeconds = 15;
/** The hook's own limit is the one that counts. */
const programTimeoutMs = 3_600_000;

export function createSshConnection(
  exec: Exec,
  config: SshTargetConfig,
  stateDirectory: string,
): SshConnection {
  const { destination, port, ssh, rsync } = config;
  const options = sshOptions(config, stateDirectory);

  async function checked(
    program: string,
    args: readonly string[],
    { signal }: HookCall,
    input?: string,
  ): Promise<readonly string[]> {
    let result: Awaited<ReturnType<Exec>>;
    try {
      result = await exec(program, args, {
        signal,
        timeoutMs: programTimeoutMs,
        ...(input === undefined ? {} : { input }),
      });
    } catch (cause) {
      if (!signal.aborted) throw cause;
      throw new PluginError(`${destination} did not answer in time`, {
        cause,
        fix: 'See whether that server hangs; raise `timeouts` of the plugin when it only needs longer.',
      });
    }
    if (result.code !== 0) throw explainFailure(result, config);
    return result.stdout.split('\n').filter((line) => line !== '');
  }

  return {
    run(script, words, call) {
      const wrong = words.find((word) => !plainWord.test(word));
      if (wrong !== undefined)
        throw new PluginError(`${JSON.stringify(wrong)} cannot be part of a command`, {
          fix: 'Report it to the authors of the plugin.',
          retryable: false,
        });
      const command = ['--', destination, 'sh', '-s', '--', ...words];
      return checked(ssh, [...options, '-p', String(port), ...command], call, script);
    },
    rsync: (args, call) =>
      checked(
        rsync,
        [...args.slice(0, -2), `--rsh=${[ssh, ...options, '-p', port].join(' ')}`, ...args.slice(-2)],
        call,
      ),
    place(path) {
      const at = destination.indexOf('@');
      const host = destination.slice(at + 1);
      return `${destination.slice(0, at)}@${host.includes(':') ? `[${host}]` : host}:${path}`;
    },
  };
}

function sshOptions(config: SshTargetConfig, stateDirectory: string): string[] {
  const { identityFile, knownHostsFile, connectTimeoutSeconds } = config;
  const socket = join(stateDirectory, 'c');
  const shared = plainWord.test(socket) && Buffer.byteLength(socket) <= socketPathBytesMax;
  const settings = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: knownHostsFile,
    GlobalKnownHostsFile: '/dev/null',
    IdentityFile: identityFile,
    IdentitiesOnly: 'yes',
    ConnectTimeout: String(connectTimeoutSeconds),
    ServerAliveInterval: '5',
    ServerAliveCountMax: '3',
    LogLevel: 'ERROR',
    ...(shared
      ? { ControlMaster: 'auto', ControlPath: socket, ControlPersist: String(persistSeconds) }
      : { ControlMaster: 'no', ControlPath: 'none' }),
  };
  // No configuration file of the agent's user or of the machine has a say.
  return [
    '-F',
    'none',
    '-T',
    ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
  ];
}
