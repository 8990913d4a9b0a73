// A node's multicast: one MCTP for all its sessions, as a leader and as a member. Its code is loaded when the first session begins, since most nodes
// are members of small segments, or rest.

import { sign } from 'node:crypto';
import type { Clock } from '../../net/clock.ts';
import type { Mctp, MctpOptions } from '../../net/mctp/mctp.ts';
import type { NodeCredentials } from '../credentials/node-credentials.ts';
import type { SegmentNetwork } from '../segment/segment-view.ts';
import type { AgentLog } from '../session/agent-log.ts';

export interface MulticastOptions {
  readonly node: string;
  readonly network: () => SegmentNetwork | null;
  readonly credentials: Pick<NodeCredentials, 'key'>;
  /** One that nobody sets. */
  readonly clock: Clock;
  readonly log: AgentLog;
}

export function openMulticast({ node, network, credentials, clock, log }: MulticastOptions): Mctp {
  let opened: Promise<Mctp> | undefined;
  const options: MctpOptions = {
    node,
    interface: () => network()?.interface ?? null,
    bytesMax: () => network()?.bytesMax ?? null,
    clock,
    log: (event, data) => log.info(data, `multicast: ${event}`),
    sign: (bytes) => sign(null, bytes, credentials.key()),
  };
  const open = (): Promise<Mctp> => {
    opened ??= import('../../net/mctp/mctp.ts').then(({ createMctp }) => createMctp(options));
    return opened;
  };
  return {
    send: async (sending) => (await open()).send(sending),
    receive: async (notice, receiving) => (await open()).receive(notice, receiving),
    close: async () => (await opened)?.close(),
  };
}
