// Starts Git's own servers of the smart protocol for one request: `receive-pack` and `upload-pack`, stateless, in a process group of
// their own, so that all of a push's processes can be stopped at once.

import type { Readable, Writable } from 'node:stream';
import { type GitEnvironment, gitEnvironment } from '../git-environment.ts';
import { startGit } from '../start-git.ts';

export const gitServices = ['git-upload-pack', 'git-receive-pack'] as const;
export type GitServiceName = (typeof gitServices)[number];

export interface GitServiceOptions {
  readonly service: GitServiceName;
  readonly repositoryPath: string;
  readonly advertise?: boolean;
  /** `-c` settings; ours, never a user's. */
  readonly settings?: readonly string[];
  readonly environment?: GitEnvironment;
  /** Adds descriptor 3, a socket that hooks inherit. */
  readonly withHookSocket?: boolean;
}

export interface GitService {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Present when `withHookSocket` was asked for. */
  readonly hookSocket: (Readable & Writable) | undefined;
  /** The end of what it wrote to standard error, for the log. */
  complaint(): string;
  /** Exit code; null when it was killed or could not be started. Never rejects. */
  readonly ended: Promise<number | null>;
  /**
   * Stops it and its children. First by taking away what they wait for (input, verdict), which Git ends by itself and cleanly; a signal in
   * the middle of that would leave its quarantine behind, so signals come only to those who take their time.
   */
  stop(): void;
}

const complaintBytesMax = 4_096;
const signalDelayMs = 1_000;
const killDelayMs = 5_000;

/** Throws GIT_FAILED when the system has no room for another process. */
export function startGitService(options: GitServiceOptions): GitService {
  const settings = (options.settings ?? []).flatMap((setting) => ['-c', setting]);
  const command = options.service.slice('git-'.length);
  const advertise = options.advertise ? ['--advertise-refs'] : [];
  const child = startGit([...settings, command, '--stateless-rpc', ...advertise, options.repositoryPath], {
    env: gitEnvironment(options.environment),
    detached: true,
    stdio: options.withHookSocket ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
  });
  const [stdin, stdout, stderr, hookSocket] = child.stdio as unknown as [
    Writable,
    Readable,
    Readable,
    (Readable & Writable) | undefined,
  ];
  let complaint = '';
  stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString('utf8')).slice(-complaintBytesMax);
  });
  for (const stream of [stdin, stdout, stderr, hookSocket]) stream?.on('error', () => {}); // `ended` tells.

  const timers: NodeJS.Timeout[] = [];
  const ended = new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      complaint = error.message;
      resolve(null);
    });
    child.on('exit', (_, signal) => {
      // Killed from outside: what it had started (the unpacking, the hook) would wait for its like until the end of the request.
      if (signal !== null) killLeftBehind(child.pid);
    });
    child.on('close', (code) => {
      for (const timer of timers) clearTimeout(timer);
      resolve(code);
    });
  });

  const signalGroup = (signal: NodeJS.Signals) => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // It ended meanwhile.
    }
  };
  return {
    stdin,
    stdout,
    hookSocket,
    complaint: () => complaint.trim(),
    ended,
    stop() {
      stdin.destroy();
      hookSocket?.destroy();
      if (timers.length > 0 || child.exitCode !== null || child.signalCode !== null) return;
      timers.push(
        setTimeout(signalGroup, signalDelayMs, 'SIGTERM'),
        setTimeout(signalGroup, killDelayMs, 'SIGKILL'),
      );
    },
  };
}

/** Its group outlives the process that led it, and so does the group's number. */
function killLeftBehind(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It left nobody behind.
  }
}
