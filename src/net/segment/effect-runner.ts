// CHAN-18: carries out a machine's effects in their order: what must be durable is durable before anything that comes behind it is sent, and when it
// could not be made so, nothing that waited behind it goes out.

import type { Effect, Outgoing } from '../../protocol/machine.ts';

export interface EffectRunner<Message, Durable, Fact> {
  /** Behind all that were added before. */
  add(effect: Effect<Message, Durable, Fact>): void;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

export interface EffectRunnerOptions<Message, Durable, Fact> {
  readonly send: (outgoing: Outgoing<Message>) => void;
  /** Durable when it resolves. */
  readonly persist: (state: Durable) => Promise<void>;
  readonly deliver: (fact: Fact) => void;
  readonly log: (event: string, data: object) => void;
  /** The machine is told; what that brings comes behind what waits. */
  readonly onPersistFailed: (error: unknown) => void;
}

export function createEffectRunner<Message, Durable, Fact>(
  options: EffectRunnerOptions<Message, Durable, Fact>,
): EffectRunner<Message, Durable, Fact> {
  let waiting: Effect<Message, Durable, Fact>[] = [];
  let writing: Promise<void> | undefined;

  async function write(state: Durable, thenSend: readonly Outgoing<Message>[]): Promise<void> {
    try {
      await options.persist(state);
    } catch (error) {
      waiting = waiting.filter(({ effect }) => effect !== 'send');
      options.onPersistFailed(error);
      return;
    }
    for (const outgoing of thenSend) options.send(outgoing);
  }

  function run(): void {
    while (writing === undefined) {
      const next = waiting.shift();
      if (next === undefined) return;
      switch (next.effect) {
        case 'send':
          options.send(next);
          break;
        case 'deliver':
          options.deliver(next.fact);
          break;
        case 'log':
          options.log(next.event, next.data);
          break;
        case 'persist':
          writing = write(next.state, next.thenSend).finally(() => {
            writing = undefined;
            run();
          });
      }
    }
  }

  return {
    add(effect) {
      waiting.push(effect);
      run();
    },
    async idle() {
      while (writing !== undefined) await writing;
    },
  };
}
