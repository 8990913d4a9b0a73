// CONNECT on the segment port (LEAD-40 to LEAD-42): a way to the CCM, and to nowhere else, for nodes that have no other one. What travels in it is TLS
// between them, so that neither this node nor the tunnel's user has to be believed.

import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { urlAuthority } from '../../net/http/listen-address.ts';
import { refuseSocket } from '../../net/http/refuse-socket.ts';
import type { LeaderLimits } from './group-leader.ts';

export interface Tunnels {
  /** `node`: who asks, by its certificate; null: a stranger. */
  open(request: IncomingMessage, socket: Duplex, head: Buffer, node: string | null): void;
  count(): number;
  close(): void;
}

export interface TunnelOptions {
  readonly ccmUrl: string;
  readonly limits: Pick<
    LeaderLimits,
    'tunnelIdleMs' | 'strangerTunnelsMax' | 'nodeTunnelsMax' | 'tunnelsMax'
  >;
  readonly clock: Clock;
}

const connectMs = 10_000;
/** A join takes seconds. */
const strangerMs = 60_000;

export function createTunnels({ ccmUrl, limits, clock }: TunnelOptions): Tunnels {
  const { hostname, port } = new URL(ccmUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  const ccm = { host, port: Number(port || 443) };
  const authority = urlAuthority(ccm).toLowerCase();
  const open = new Map<Duplex, string | null>();

  function admit(request: IncomingMessage, node: string | null): void {
    if (request.url?.toLowerCase() !== authority) {
      throw new TreecastError('FORBIDDEN', `Tunnels from here lead to ${authority} and nowhere else.`, {
        fix: 'Use the address of the CCM as the join token has it.',
      });
    }
    const own = [...open.values()].filter((user) => user === node).length;
    const max = node === null ? limits.strangerTunnelsMax : limits.nodeTunnelsMax;
    if (own < max && open.size < limits.tunnelsMax) return;
    throw new TreecastError('RATE_LIMITED', 'Too many tunnels are open here.', {
      fix: 'Try again later, or through another node.',
    });
  }

  return {
    open(request, stream, head, node) {
      const socket = stream as Socket;
      socket.on('error', () => socket.destroy());
      try {
        admit(request, node);
      } catch (error) {
        refuseSocket(socket, error);
        return;
      }
      open.set(socket, node);
      const upstream = connect({ ...ccm, noDelay: true });
      let isThrough = false;
      const cancels = [
        clock.after(connectMs, () => {
          if (!isThrough) upstream.destroy(new Error('no answer in time'));
        }),
        ...(node === null ? [clock.after(strangerMs, () => socket.destroy())] : []),
      ];
      socket.setTimeout(limits.tunnelIdleMs, () => socket.destroy());
      socket.once('close', () => {
        for (const cancel of cancels) cancel();
        open.delete(socket);
        upstream.destroy();
      });
      upstream.once('connect', () => {
        isThrough = true;
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length > 0) upstream.write(head);
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', (cause) => {
        if (isThrough) socket.destroy();
        else {
          const error = new TreecastError(
            'CCM_UNREACHABLE',
            `The CCM cannot be reached from here: ${cause.message}.`,
          );
          refuseSocket(socket, error);
        }
      });
      upstream.once('close', () => {
        if (isThrough) socket.destroySoon();
      });
    },
    count: () => open.size,
    close() {
      for (const socket of open.keys()) socket.destroy();
    },
  };
}
