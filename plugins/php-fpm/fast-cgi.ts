// Asks a FastCGI server one thing over a connection of its own, within a time and a size. What the answer means is its caller's business.

import { connect } from 'node:net';
import { PluginError } from 'treecast/plugin';
import { createRecordDecoder, encodeRequest, recordTypes, requestId } from './fast-cgi-records.ts';

/** A Unix socket (absolute path), or a host and port. */
export type PoolAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface CgiResponse {
  readonly status: number;
  readonly body: string;
  /** What the server wrote to its error stream, trimmed. */
  readonly errors: string;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

const responseBytesMax = 262_144;
/** Of END_REQUEST: refusals of the server itself. */
const protocolStatuses: Readonly<Record<number, string>> = {
  1: 'it takes no second request on a connection',
  2: 'it is overloaded',
  3: 'it does not know the responder role',
};

export function poolName(address: PoolAddress): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`;
}

export function askFastCgi(
  address: PoolAddress,
  params: Readonly<Record<string, string>>,
  { signal, timeoutMs }: AskOptions,
): Promise<CgiResponse> {
  const name = poolName(address);
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const decode = createRecordDecoder();
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    let bytes = 0;
    const fail = (what: string, fix: string, cause?: unknown): void =>
      settle(() =>
        reject(
          new PluginError(`the PHP-FPM pool at ${name} ${what}`, {
            fix,
            ...(cause === undefined ? {} : { cause }),
          }),
        ),
      );
    const stop = (): void =>
      fail('was asked, but this hook was stopped meanwhile', 'Nothing: it is called again when it is due.');
    const limit = setTimeout(
      () =>
        fail(
          `did not answer within ${timeoutMs / 1000} s`,
          'Look whether all its workers are busy (pm.max_children), or raise `timeoutMs`.',
        ),
      timeoutMs,
    );
    function settle(end: () => void): void {
      clearTimeout(limit);
      signal.removeEventListener('abort', stop);
      socket.destroy();
      end();
    }
    socket.once('connect', () => socket.write(encodeRequest(params)));
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes > responseBytesMax) {
        fail(
          `answered more than ${responseBytesMax} bytes`,
          'Look what auto_prepend_file of the pool prints.',
        );
        return;
      }
      try {
        for (const record of decode(chunk)) {
          if (record.requestId !== requestId) continue;
          if (record.type === recordTypes.stdout) output.push(record.content);
          else if (record.type === recordTypes.stderr) errors.push(record.content);
          else if (record.type === recordTypes.endRequest) {
            const refusal = protocolStatuses[record.content[4] ?? 0];
            if (refusal !== undefined) fail(`refused: ${refusal}`, 'Give the address of a PHP-FPM pool.');
            else
              settle(() =>
                resolve({
                  ...parseCgi(Buffer.concat(output).toString()),
                  errors: Buffer.concat(errors).toString().trim(),
                }),
              );
            return;
          }
        }
      } catch (error) {
        settle(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    });
    socket.once('error', (error) =>
      fail(
        `cannot be reached (${'code' in error ? String(error.code) : error.message})`,
        'Start PHP-FPM, correct the address in `pools`, and let the agent’s user connect (listen.owner, listen.acl_users).',
        error,
      ),
    );
    socket.once('close', () =>
      fail('closed the connection before its answer was whole', 'Look at the log of PHP-FPM.'),
    );
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** Header lines, an empty line, the body; 200 without a `Status` line. Anything at all is taken. */
export function parseCgi(text: string): Pick<CgiResponse, 'status' | 'body'> {
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return { status: 200, body: text };
  const status = /^Status:[ \t]*(\d{3})/im.exec(text.slice(0, end.index))?.[1];
  return { status: status === undefined ? 200 : Number(status), body: text.slice(end.index + end[0].length) };
}
