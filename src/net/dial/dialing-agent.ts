// An HTTPS agent whose connections are made by a dialer: for WebSockets, single requests and ranges alike. TLS is the request's own.

import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import type { Dial } from './ccm-dialer.ts';

type Created = (error: Error | null, socket: Duplex) => void;

class DialingAgent extends Agent {
  readonly #dial: Dial;

  constructor(dial: Dial, options: AgentOptions) {
    super(options);
    this.#dial = dial;
  }

  override createConnection(options: ConnectionOptions, created: Created): undefined {
    const host = (options.host ?? 'localhost').replaceAll(/[[\]]/g, '');
    this.#dial(host, Number(options.port)).then(
      (socket) => created(null, connect({ ...options, socket })),
      (error: unknown) => created(error as Error, undefined as never),
    );
  }
}

export function createDialingAgent(dial: Dial, options: AgentOptions = {}): Agent {
  return new DialingAgent(dial, options);
}
