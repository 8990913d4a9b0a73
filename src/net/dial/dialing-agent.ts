// An HTTPS agent whose connections are made by a dialer: for WebSockets, single requests and ranges alike. TLS is the request's own.

import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import type { Dial } from './ccm-dialer.ts';

type Created = (error: Error | null, socket: Duplex) => void;

/** Whoever uses the connection hears of it too. Between an answer's end and the next use nobody would, and the process would end. */
const ignored = (): void => undefined;

class DialingAgent extends Agent {
  readonly #dial: Dial;
  /** How often it was destroyed. */
  #ends = 0;

  constructor(dial: Dial, options: AgentOptions) {
    super(options);
    this.#dial = dial;
  }

  override createConnection(options: ConnectionOptions, created: Created): undefined {
    const host = (options.host ?? 'localhost').replaceAll(/[[\]]/g, '');
    const ends = this.#ends;
    this.#dial(host, Number(options.port)).then(
      (socket) => {
        if (this.#ends === ends) {
          const secured = connect({ ...options, socket });
          secured.on('error', ignored);
          created(null, secured);
          return;
        }
        // Nobody would ever close it.
        socket.destroy();
        created(new Error('the connections were given up while this one was made'), undefined as never);
      },
      (error: unknown) => created(error as Error, undefined as never),
    );
  }

  override destroy(): void {
    this.#ends += 1;
    super.destroy();
  }
}

export function createDialingAgent(dial: Dial, options: AgentOptions = {}): Agent {
  return new DialingAgent(dial, options);
}
