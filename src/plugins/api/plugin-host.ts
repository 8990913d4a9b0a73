// What the host gives a plugin: a log, programs without a shell, a directory of its own. Nothing here names a plugin.

import type { PluginPlace } from './hook-table.ts';

export interface PluginLog {
  debug(facts: Readonly<Record<string, unknown>>, message: string): void;
  info(facts: Readonly<Record<string, unknown>>, message: string): void;
  warn(facts: Readonly<Record<string, unknown>>, message: string): void;
  error(facts: Readonly<Record<string, unknown>>, message: string): void;
}

export interface ExecOptions {
  /** Written to standard input, which is closed otherwise. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to PATH, HOME, LANG and TZ of the agent; nothing else is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default 30,000. The program gets SIGTERM, two seconds later SIGKILL. */
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly code: number;
  /** The first 1 MiB of each; `truncated` tells when there was more. */
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

/**
 * Runs a program without a shell: arguments are passed as they are. Resolves whatever its exit code; throws a PluginError when it
 * cannot be started, is ended by a signal, or takes too long.
 */
export type Exec = (program: string, args: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

export interface PluginHost {
  readonly place: PluginPlace;
  /** The name of this instance in the configuration; two instances of one plugin have two names. */
  readonly instance: string;
  readonly log: PluginLog;
  readonly exec: Exec;
  /** Absolute, there, for this instance only (mode 0700); kept over restarts. */
  readonly stateDirectory: string;
}
