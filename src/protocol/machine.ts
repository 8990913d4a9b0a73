// The one shape of every protocol machine: inputs in, effects out, nothing ambient. A driver (src/net) runs it with sockets and a
// clock, the simulator (src/sim) with a virtual one; signing, verifying and encoding are theirs.

/** Milliseconds of a clock that only goes forward. Only differences mean anything. */
export type Instant = number;

export interface Machine<Input, Effect> {
  /** Takes one input. Never throws for what comes from outside: what breaks the rules is dropped and logged. */
  handle(now: Instant, input: Input): void;
  /** Called once `nextTimeout()` is reached; a call that is early, late or superfluous does no harm. */
  onTimeout(now: Instant): void;
  /** The next effect, in the order in which they are carried out; undefined when there is none. Asked after every call above. */
  pollEffect(): Effect | undefined;
  /** When `onTimeout` wants to be called; undefined: not before another input. */
  nextTimeout(): Instant | undefined;
}

/** A node's name, which is unique under one CCM; or everybody on the control channel. */
export type Destination = { readonly group: true } | { readonly node: string };

export interface Outgoing<Message> {
  readonly to: Destination;
  readonly message: Message;
}

/** A line for the log: a fixed word and what it is about. */
export interface LogLine {
  readonly event: string;
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

export type Effect<Message, Durable, Fact> =
  | ({ readonly effect: 'send' } & Outgoing<Message>)
  /**
   * `state` is made durable first, and only then is `thenSend` sent, and whatever comes behind it. When that fails, the machine hears of it, and
   * neither `thenSend` nor any `send` that waited behind goes out.
   */
  | { readonly effect: 'persist'; readonly state: Durable; readonly thenSend: readonly Outgoing<Message>[] }
  /** Told to whoever runs the machine. */
  | { readonly effect: 'deliver'; readonly fact: Fact }
  | ({ readonly effect: 'log' } & LogLine);
