// One command to one HAProxy process over its stats socket, and the answer as text. What commands there are and what answers mean is
// decided elsewhere; here are limits, and words for everything that can go wrong on the way.

import { connect, type Socket } from 'node:net';
import { PluginError } from 'treecast/plugin';
import { BalancerAway } from '../balancer-away.ts';
import { portOf } from '../server-names.ts';

/** A path that begins with `/`, or host:port. */
export type SocketAddress = string;

export type RuntimeApi = (command: string, signal: AbortSignal) => Promise<string>;

const answerBytesMax = 16_777_216;
const answerTimeoutMs = 5_000;
/** HAProxy's own limit of a line (`tune.bufsize`) is larger. */
const commandCharactersMax = 1_000;

export interface RuntimeApiOptions {
  /** The master's socket stays open after an answer, so it has to be told to close. */
  readonly quit?: boolean;
}

export function createRuntimeApi(
  address: SocketAddress,
  { quit = false }: RuntimeApiOptions = {},
): RuntimeApi {
  return async (command, signal) => {
    // A line break or a semicolon would begin another command, angle brackets a payload.
    if (!/^[@A-Za-z0-9_.:/ %!-]+$/.test(command) || command.length > commandCharactersMax)
      throw new PluginError(`${JSON.stringify(command.slice(0, 80))} is no command that may be sent`, {
        fix: 'Correct the names in the configuration: letters, digits and _ . : - only.',
        retryable: false,
      });
    const answer = await exchange(
      address,
      quit ? `${command}\nquit\n` : `${command}\n`,
      AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
      () =>
        signal.aborted
          ? 'was not waited for: the caller was stopped'
          : `did not answer within ${answerTimeoutMs / 1000} s`,
    );
    if (!answer.endsWith('\n'))
      throw new BalancerAway(`${address} closed the connection without an answer`, {
        fix: 'HAProxy was being stopped, or this is not its stats socket.',
      });
    if (/^Permission denied/m.test(answer))
      throw new PluginError(`${address} refuses \`${command}\`: permission denied`, {
        fix: 'Give the stats socket `level admin` in haproxy.cfg.',
        retryable: false,
      });
    return answer;
  };
}

function exchange(
  address: SocketAddress,
  sent: string,
  ended: AbortSignal,
  late: () => string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(address);
    const pieces: Buffer[] = [];
    let bytes = 0;
    const finish = (settle: () => void): void => {
      ended.removeEventListener('abort', stop);
      socket.destroy();
      settle();
    };
    const fail = (what: string, fix: string, cause?: unknown): void =>
      finish(() => reject(new BalancerAway(`${address} ${what}`, { fix, cause })));
    const stop = (): void => fail(late(), 'Look whether HAProxy is alive and not stopped.');
    ended.addEventListener('abort', stop, { once: true });
    socket.on('error', (cause) => {
      const code = 'code' in cause ? String(cause.code) : cause.message;
      fail(`cannot be asked (${code})`, remedy(code), cause);
    });
    socket.on('data', (piece) => {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > answerBytesMax)
        fail(`answered more than ${answerBytesMax} bytes`, 'This is no stats socket of HAProxy.');
    });
    // A stats socket closes after the answer to one line.
    socket.on('end', () => finish(() => resolve(Buffer.concat(pieces).toString('utf8'))));
    socket.write(sent);
    if (ended.aborted) stop();
  });
}

function open(address: SocketAddress): Socket {
  if (address.startsWith('/')) return connect(address);
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return connect(portOf(address), host);
}

function remedy(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'Start HAProxy, or correct `sockets`: it is the path of `stats socket` in haproxy.cfg.';
    case 'EACCES':
      return 'Let the user that runs Treecast write to the socket: `stats socket … user … mode 660`.';
    case 'ECONNREFUSED':
      return 'Start HAProxy: nobody listens at that address.';
    default:
      return 'Look whether HAProxy runs and listens there.';
  }
}
