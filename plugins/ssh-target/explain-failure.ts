// Says in an operator's words why ssh or rsync failed: the server is away, its key is another one, ours is refused, its disk is full or closed.

import { PluginError } from 'treecast/plugin';
import type { SshTargetConfig } from './ssh-target-config.ts';

export interface RemoteFailure {
  readonly code: number;
  readonly stderr: string;
}

/** What the scripts there exit with. */
export const remoteExit = { noRoot: 41, notWritable: 42, occupied: 43 } as const;

const toldCharactersMax = 600;

export function explainFailure(
  { code, stderr }: RemoteFailure,
  { destination, port, identityFile, knownHostsFile, root }: SshTargetConfig,
): PluginError {
  const at = port === 22 ? destination : `${destination}:${port}`;
  const said = stderr.trim().slice(-toldCharactersMax);
  const host = destination.slice(destination.indexOf('@') + 1);
  const error = (what: string, fix: string, retryable = true): PluginError =>
    new PluginError(`${at}: ${what}${said === '' ? '' : ` (${said})`}`, { fix, retryable });

  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr))
    return error(
      'the host key is another one than before; nothing was sent',
      `Find out why. If the server was set up anew, put its key into ${knownHostsFile}.`,
      false,
    );
  if (/Host key verification failed|No .* host key is known/.test(stderr))
    return error(
      'the host key is not known; nothing was sent',
      `Put it into ${knownHostsFile}: ssh-keyscan -p ${port} ${host}, compared with the server's own.`,
      false,
    );
  if (/UNPROTECTED PRIVATE KEY|bad permissions/.test(stderr))
    return error('the private key may be read by others', `chmod 600 ${identityFile}`, false);
  if (/Permission denied \((?:publickey|password|keyboard|gssapi|none)/.test(stderr))
    return error(
      'the key is refused',
      `Add the public key of ${identityFile} to authorized_keys of that user.`,
    );
  if (code === remoteExit.noRoot)
    return error(`there is no directory ${root}`, `Make ${root} there, and let that user own it.`);
  if (code === remoteExit.occupied)
    return error(
      'the live tree there has this release’s name, and is not what was sent',
      `Somebody else publishes into ${root} there: give this node a \`root\` of its own.`,
      false,
    );
  if (/No space left on device|Disk quota exceeded/.test(stderr))
    return error('the disk is full', `Free space below ${root} there.`);
  if (code === remoteExit.notWritable || /Permission denied|Read-only file system/.test(stderr))
    return error(`${root} cannot be written to`, `Let that user own ${root} and everything below.`);
  if (/rsync: .*not found|command not found/.test(stderr) || code === 127)
    return error('a program is missing', 'Install rsync there.');
  if (/is your shell clean/.test(stderr))
    return error(
      'its login shell prints something, which rsync cannot read',
      'Let the shell of that user print nothing.',
    );
  if (code === 255 || code === 10 || code === 12 || code === 30 || code === 35)
    return error(
      'the server cannot be reached',
      'See whether it runs, and whether its SSH port is open from here.',
    );
  return error(`failed with exit code ${code}`, 'Look at that server’s log.');
}
