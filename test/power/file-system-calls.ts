// What a running process and its children do to file systems and sockets, in the order in which it was done: a log by strace(1), which
// is attached to it. Decides nothing about what the order should be.

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { until } from '../../src/plugins/testing/until.ts';

export interface FileSystemCall {
  readonly call: string;
  /** Absolute paths among its arguments; of open files too. */
  readonly paths: readonly string[];
  /** As strace prints them. */
  readonly text: string;
  readonly result: number;
}

export interface CallLog {
  /** Lets go of the process, the first time; the calls that succeeded, in the order in which they ended. */
  stop(): Promise<readonly FileSystemCall[]>;
}

const traced = [
  'openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,copy_file_range,fchmod,utimensat',
  'rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir',
  'fsync,fdatasync,syncfs,sync,statx,stat,lstat,sendto,sendmsg',
].join(',');

export async function logFileSystemCalls(pid: number): Promise<CallLog> {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-calls-'));
  const file = join(directory, 'log');
  const tracer = spawn(
    'strace',
    ['-f', '-y', '-s', '0', '-e', `trace=${traced}`, '-o', file, '-p', String(pid)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const exited = new Promise<void>((resolve) => tracer.once('close', () => resolve()));
  let said = '';
  tracer.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until('strace is attached', () => said.includes('attached'));
  const descriptors = descriptorsOf(pid);
  async function stop(): Promise<readonly FileSystemCall[]> {
    tracer.kill('SIGINT');
    await exited;
    const text = readFileSync(file, 'utf8');
    rmSync(directory, { recursive: true });
    return parseCalls(text, descriptors);
  }
  let stopped: Promise<readonly FileSystemCall[]> | undefined;
  return {
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** What a process has open, by number; its children's are told by strace itself where they matter. */
function descriptorsOf(pid: number): Map<string, string> {
  const directory = `/proc/${pid}/fd`;
  return new Map(
    readdirSync(directory).flatMap((fd) => {
      try {
        return [[fd, readlinkSync(join(directory, fd))] as const];
      } catch {
        return [];
      }
    }),
  );
}

/** Calls of several threads overlap: strace prints the beginning of one and, later, the rest of it. */
function parseCalls(log: string, descriptors: Map<string, string>): FileSystemCall[] {
  const begun = new Map<string, string>();
  /** Working directories by process: calls with relative names do not tell them. */
  const places = new Map<string, string>();
  const calls: FileSystemCall[] = [];
  for (const line of log.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    for (const [, fd, path] of rest.matchAll(/\b(\d+)<(\/[^>]*)>/g))
      descriptors.set(fd as string, path as string);
    const place = /AT_FDCWD<([^>]*)>/.exec(rest)?.[1];
    if (place !== undefined) places.set(pid, place);
    if (unfinished) {
      begun.set(pid, unfinished[1] as string);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed ? `${begun.get(pid) ?? ''}${resumed[1]}` : rest;
    const [, call, text, result] = /^(\w+)\((.*)\)\s+= (-?\d+)/.exec(whole) ?? [];
    if (call === undefined || text === undefined || Number(result) < 0) continue;
    calls.push({
      call,
      text,
      result: Number(result),
      paths: pathsOf(text, descriptors, places.get(pid) ?? '/'),
    });
  }
  return calls;
}

/** `AT_FDCWD</cwd>, "a"`, `3</dir>, "name"`, `3</file>`, `"/proc/self/fd/3/name"`. */
function pathsOf(text: string, descriptors: ReadonlyMap<string, string>, place: string): string[] {
  const paths: string[] = [];
  for (const [, at, name, only] of text.matchAll(/(?:\w+<([^>]*)>, )?"((?:[^"\\]|\\.)*)"|\d+<(\/[^>]*)>/g)) {
    if (only !== undefined) paths.push(only);
    else if (name !== undefined) paths.push(throughDescriptor(join(at ?? place, name), name, descriptors));
  }
  return paths;
}

function throughDescriptor(path: string, name: string, descriptors: ReadonlyMap<string, string>): string {
  const [, fd = '', rest = ''] = /^\/proc\/self\/fd\/(\d+)(.*)$/.exec(name) ?? [];
  if (descriptors.has(fd)) return `${descriptors.get(fd)}${rest}`;
  return normalize(name.startsWith('/') ? name : path);
}
