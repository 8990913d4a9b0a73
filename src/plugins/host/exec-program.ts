// Programs without a shell, with a bounded output, a bounded time and a small environment. One that is ended takes along what it
// started; what left its process group (a daemon) lives on, and is not waited for.

import { type ChildProcess, spawn } from 'node:child_process';
import { PluginError } from '../api/plugin-error.ts';
import type { Exec, ExecResult } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';
import { programPath } from './find-program.ts';

const timeoutDefaultMs = 30_000;
const killDelayMs = 2_000;
const outputDelayMs = 2_000;
const outputBytesMax = 1_048_576;
const passedOn = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'] as const;

/** `outer` ends every program, whoever started it. */
export function createExec(outer?: AbortSignal): Exec {
  return (program, args, options = {}) => {
    const { input, cwd, env = {}, timeoutMs = timeoutDefaultMs } = options;
    const inherited = Object.fromEntries(
      passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ) as Record<string, string>;
    const limit = AbortSignal.timeout(timeoutMs);
    const signals = [limit, outer, options.signal].filter((signal) => signal !== undefined);
    const ended = AbortSignal.any(signals);
    return new Promise<ExecResult>((resolve, reject) => {
      const fail = (what: string, fix: string, cause?: unknown): void =>
        reject(new PluginError(`${program} ${what}`, { fix, ...(cause === undefined ? {} : { cause }) }));
      if (ended.aborted) {
        fail('was not started: its caller was stopped', 'Nothing: it is called again when it is due.');
        return;
      }
      const child = spawn(program, args, {
        cwd,
        env: { ...inherited, PATH: programPath(), ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        // A process group of its own, which is signalled as one.
        detached: true,
      });
      let killing: NodeJS.Timeout | undefined;
      // What it started in the background may keep its output open for ever; what it said itself has arrived by then.
      let closing: NodeJS.Timeout | undefined;
      let isStopped = false;
      const settle = (): void => {
        clearTimeout(killing);
        clearTimeout(closing);
        ended.removeEventListener('abort', stop);
      };
      child.once('error', (cause) => {
        settle();
        const code = 'code' in cause ? String(cause.code) : cause.message;
        fail(
          `could not be started (${code})`,
          code === 'EMFILE' || code === 'ENFILE'
            ? 'Raise the limit of open files (LimitNOFILE).'
            : `Install ${program}, or correct its path in the configuration.`,
          cause,
        );
      });
      // Without descriptors there are no streams either.
      if (child.pid === undefined) return;
      const stdout = createCollector();
      const stderr = createCollector();
      child.stdout.on('data', stdout.add);
      child.stderr.on('data', stderr.add);
      // A program that does not read its input closes it.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      const letGo = (): void => {
        signalGroup(child, 'SIGKILL');
        // Whoever else has the other ends: nobody reads them any more.
        for (const pipe of child.stdio) pipe?.destroy();
      };
      function stop(): void {
        isStopped = true;
        if (hasExited(child)) {
          letGo();
          return;
        }
        signalGroup(child, 'SIGTERM');
        killing = setTimeout(() => signalGroup(child, 'SIGKILL'), killDelayMs);
      }
      ended.addEventListener('abort', stop, { once: true });
      child.once('exit', () => {
        if (isStopped) letGo();
        else
          closing = setTimeout(() => {
            child.stdout.destroy();
            child.stderr.destroy();
          }, outputDelayMs);
      });
      child.once('close', (code, signal) => {
        settle();
        if (isStopped && limit.aborted)
          fail(`took longer than ${timeoutMs / 1000} s and was ended`, 'Look at what it waits for.');
        else if (isStopped)
          fail('was ended: its caller was stopped', 'Nothing: it is called again when it is due.');
        else if (code === null) fail(`was ended by ${signal ?? 'a signal'}`, 'Look at its log.');
        else
          resolve({
            code,
            stdout: maskSecrets(stdout.text()),
            stderr: maskSecrets(stderr.text()),
            truncated: stdout.truncated() || stderr.truncated(),
          });
      });
    });
  };
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = child;
  // An id that is somebody's again is not ours; as long as one of the group is left, the system gives it to nobody.
  if (pid === undefined || (hasExited(child) && isTaken(pid))) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // None of them is left, or they run as another user.
  }
}

function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function createCollector() {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  return {
    add(piece: Buffer): void {
      const room = outputBytesMax - bytes;
      if (piece.length > room) cut = true;
      if (room <= 0) return;
      pieces.push(piece.subarray(0, room));
      bytes += Math.min(room, piece.length);
    },
    text: () => Buffer.concat(pieces).toString('utf8'),
    truncated: () => cut,
  };
}
