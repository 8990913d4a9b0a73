// What a running command has: its output, the CCM's API when it asks for it, and what is ambient (environment, signals).

import type { Readable } from 'node:stream';
import type { Client } from '../client/client.ts';
import type { Connection } from './connection.ts';
import type { Output } from './output.ts';

export interface CommandContext {
  readonly output: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Relative paths on the command line are relative to this. */
  readonly cwd: string;
  /** Aborted when the command shall stop: SIGINT, SIGTERM, SIGHUP, or (unless it is a service) the reader of stdout went away. */
  readonly signal: AbortSignal;
  /** Standard input, for services that end when it closes. */
  readonly stdin: Readable;
  /** Throws INVALID_INPUT when no CCM is known. */
  connection(): Promise<Connection>;
  client(): Promise<Client>;
}
