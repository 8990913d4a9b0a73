// Starts a Git process, whatever it is for. One that the system has no descriptors for ends its request and not the program: Node.js then
// answers with a child that has no streams.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { TreecastError } from '../model/treecast-error.ts';

/** Throws GIT_FAILED; a program that is not there is told by the child's `error` and `close`. */
export function startGit(args: readonly string[], options: SpawnOptions): ChildProcess {
  let child: ChildProcess;
  try {
    child = spawn('git', args, options);
  } catch (cause) {
    throw notStarted(cause);
  }
  child.on('error', () => {}); // It comes after the throw below, when nobody else can listen.
  const streams: ChildProcess['stdio'] | undefined = child.stdio;
  if (streams === undefined) throw notStarted(new Error('EMFILE or ENFILE'));
  return child;
}

function notStarted(cause: unknown): TreecastError {
  return new TreecastError('GIT_FAILED', 'git could not be started: the system has no room for it.', {
    cause,
    fix: 'Try again; when it stays so, raise the limits of open files and processes (LimitNOFILE, TasksMax).',
  });
}
