// Runs one Git command to its end, or streams its output. Arguments are ours, never a user's option; output is bounded or streamed.

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { TreecastError } from '../model/treecast-error.ts';
import { type GitEnvironment, gitEnvironment } from './git-environment.ts';
import { startGit } from './start-git.ts';

export interface GitCommand {
  /** The repository's directory; undefined for commands that need none, such as init. */
  readonly repositoryPath?: string;
  readonly environment?: GitEnvironment;
  readonly input?: string;
}

const outputBytesMax = 16 * 1_048_576;
const errorBytesMax = 4_096;

/** Standard output; throws GIT_FAILED with Git's own words when the exit code is not 0. */
export async function runGit(args: readonly string[], command: GitCommand = {}): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of streamGit(args, command)) {
    bytes += part.length;
    if (bytes > outputBytesMax) throw new TreecastError('GIT_FAILED', `git ${args[0]} printed too much.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Leaving the loop early stops the process. */
export async function* streamGit(args: readonly string[], command: GitCommand = {}): AsyncGenerator<Buffer> {
  const where = command.repositoryPath === undefined ? [] : ['--git-dir', command.repositoryPath];
  const child = startGit([...where, ...args], {
    env: command.environment ?? gitEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  }) as ChildProcessWithoutNullStreams;
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(0, errorBytesMax);
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  );
  ended.catch(() => {});
  child.stdin.on('error', () => {});
  child.stdin.end(command.input ?? '');
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const code = await ended.catch((cause: unknown) => {
      throw new TreecastError('GIT_FAILED', 'git could not be started.', {
        cause,
        fix: 'Install git 2.36 or newer.',
      });
    });
    if (code !== 0) {
      throw new TreecastError('GIT_FAILED', `git ${args[0]} failed: ${complaint.trim()}`, {
        data: { exitCode: code },
      });
    }
  } finally {
    if (child.exitCode === null) child.kill();
  }
}
