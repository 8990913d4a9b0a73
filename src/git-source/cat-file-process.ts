// One persistent `git cat-file --batch-command`: objects by id and refs by name, pipelined, without a spawn per question.
// It holds no state but the process; a process that dies fails the questions it was asked and is replaced at the next one.

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { GitEnvironment } from './git-environment.ts';
import { startGit } from './start-git.ts';

export interface ObjectInfo {
  readonly id: ObjectId;
  readonly type: string;
  readonly size: number;
}

export interface ObjectContents extends ObjectInfo {
  readonly bytes: Buffer;
}

export interface CatFileProcess {
  /** `name` is an object id or a validated ref name, optionally with `^{commit}`; undefined when there is no such object. */
  info(name: string): Promise<ObjectInfo | undefined>;
  contents(id: ObjectId): Promise<ObjectContents | undefined>;
  close(): void;
}

interface Question {
  readonly withContents: boolean;
  readonly resolve: (answer: ObjectContents | undefined) => void;
  readonly reject: (error: Error) => void;
}

const noBytes = Buffer.alloc(0);
const newline = 0x0a;

export function createCatFileProcess(repositoryPath: string, environment: GitEnvironment): CatFileProcess {
  let child: ChildProcessWithoutNullStreams | undefined;
  let questions: Question[] = [];
  let closed = false;

  function start(): ChildProcessWithoutNullStreams {
    const started = startGit(['--git-dir', repositoryPath, 'cat-file', '--batch-command'], {
      env: environment,
      stdio: ['pipe', 'pipe', 'ignore'],
    }) as unknown as ChildProcessWithoutNullStreams;
    const asked: Question[] = [];
    const fail = (cause: unknown) => {
      if (child === started) child = undefined;
      for (const question of asked.splice(0)) {
        question.reject(
          new TreecastError('GIT_FAILED', 'The git cat-file process ended.', {
            cause,
            fix: 'Check that git is installed and that the staging repository is readable.',
          }),
        );
      }
    };
    const receive = createAnswerReader(asked);
    started.on('error', fail).on('close', (code) => fail(new Error(`exit code ${code}`)));
    started.stdin.on('error', () => {}); // EPIPE: `close` tells.
    started.stdout.on('data', (chunk: Buffer) => {
      try {
        receive(chunk);
      } catch (error) {
        started.kill();
        fail(error);
      }
    });
    questions = asked;
    return started;
  }

  async function ask(command: string, withContents: boolean): Promise<ObjectContents | undefined> {
    if (closed) throw new TreecastError('GIT_FAILED', 'This Git source is closed.');
    child ??= start();
    const { stdin } = child;
    return new Promise((resolve, reject) => {
      questions.push({ withContents, resolve, reject });
      if (stdin.writableCorked === 0) {
        stdin.cork(); // One system call for all the questions of one turn.
        process.nextTick(() => stdin.uncork());
      }
      stdin.write(command);
    });
  }

  return {
    info: (name) => ask(`info ${name}\n`, false),
    contents: (id) => ask(`contents ${id}\n`, true),
    close() {
      closed = true;
      child?.stdin.end();
      child?.unref();
    },
  };
}

/** Takes output apart: `<id> <type> <size>` then, for contents, that many bytes and a newline; or `<name> missing`. */
function createAnswerReader(asked: Question[]): (chunk: Buffer) => void {
  let pending: Buffer = noBytes;
  let head: ObjectInfo | undefined;
  let parts: Buffer[] = [];
  let missing = 0;

  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length > 0) {
      if (head === undefined) {
        const end = pending.indexOf(newline);
        if (end < 0) return;
        const line = pending.toString('latin1', 0, end);
        pending = pending.subarray(end + 1);
        const match = /^([0-9a-f]+) (\w+) (\d+)$/.exec(line);
        const info = match && { id: match[1] as string, type: match[2] as string, size: Number(match[3]) };
        if (!info || !asked[0]?.withContents) {
          asked.shift()?.resolve(info ? { ...info, bytes: noBytes } : undefined);
          continue;
        }
        head = info;
        missing = info.size + 1;
      }
      const part = pending.subarray(0, missing);
      pending = pending.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) {
        const whole = parts.length === 1 ? part : Buffer.concat(parts);
        asked.shift()?.resolve({ ...head, bytes: whole.subarray(0, head.size) });
        head = undefined;
        parts = [];
      }
    }
  };
}
