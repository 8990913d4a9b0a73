// What `doctor` looks at on this machine: Node, Git, disk, ports.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { bytesText } from '../text.ts';
import { isPortFree } from '../up/pick-ports.ts';
import type { Check } from './check.ts';

const gitVersionMin = [2, 30] as const;
const nodeVersionMin = [24, 15] as const;
const freeBytesMin = 512 * 1024 * 1024;
const freeBytesWarn = 2 * 1024 * 1024 * 1024;
const freeInodesWarn = 100_000;

export function machineChecks(options: {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  /** Port and what it is for; those that a CCM or agent here would listen on. */
  readonly ports: readonly number[];
}): Check[] {
  return [
    { name: 'node', run: async () => nodeFinding(process.versions.node) },
    { name: 'git', run: () => gitFinding(options.env) },
    { name: 'disk', run: () => diskFinding(options.directory) },
    ...options.ports.map((port) => ({ name: `port ${port}`, run: () => portFinding(port) })),
  ];
}

type Finding = Awaited<ReturnType<Check['run']>>;

export function nodeFinding(version: string): Finding {
  if (isAtLeast(version, nodeVersionMin)) return { outcome: 'ok', message: `Node.js ${version}` };
  return {
    outcome: 'fail',
    message: `Node.js ${version} is too old.`,
    fix: `Install Node.js ${nodeVersionMin.join('.')} or later, or run \`npm ci\` in the package's directory.`,
  };
}

async function gitFinding(env: NodeJS.ProcessEnv): Promise<Finding> {
  let stdout: string;
  try {
    ({ stdout } = await promisify(execFile)('git', ['--version'], { env, timeout: 5000 }));
  } catch {
    return {
      outcome: 'fail',
      message: 'There is no `git` on the PATH; the CCM needs it to receive pushes.',
      fix: 'Install Git, for example: apt-get install git.',
    };
  }
  const version = /\d+\.\d+(?:\.\d+)?/.exec(stdout)?.[0] ?? '0.0';
  if (isAtLeast(version, gitVersionMin)) return { outcome: 'ok', message: `Git ${version}` };
  return {
    outcome: 'fail',
    message: `Git ${version} is too old.`,
    fix: `Install Git ${gitVersionMin.join('.')} or later.`,
  };
}

async function diskFinding(directory: string): Promise<Finding> {
  let place = directory;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  const { bavail, bsize, ffree, files } = await statfs(place);
  const freeBytes = bavail * bsize;
  const message = `${bytesText(freeBytes)} free at ${place}`;
  const fix = 'Free some space, or keep the state directory (--dir) on a larger file system.';
  if (freeBytes < freeBytesMin) return { outcome: 'fail', message: `Only ${message}`, fix };
  if (freeBytes < freeBytesWarn) return { outcome: 'warn', message: `Only ${message}`, fix };
  // Some file systems have no fixed number of inodes and say 0 of 0.
  if (files > 0 && ffree < freeInodesWarn) {
    return { outcome: 'warn', message: `Only ${ffree} inodes free at ${place}`, fix };
  }
  return { outcome: 'ok', message };
}

async function portFinding(port: number): Promise<Finding> {
  if (await isPortFree(port, '127.0.0.1')) return { outcome: 'ok', message: `Port ${port} is free.` };
  return {
    outcome: 'warn',
    message: `Port ${port} is in use.`,
    fix: 'If that is not Treecast itself: choose another port (`up --port`, or `listen` in ccm.yaml).',
  };
}

function isAtLeast(version: string, [majorMin, minorMin]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > majorMin || (major === majorMin && minor >= minorMin);
}
