// Fleets for cases that run side by side: each case has one for itself; one on which a case failed is not used again.

import { join } from 'node:path';
import { createStrikingFleet, type StrikingFleet } from './striking-fleet.ts';

export interface FleetPool {
  /** With a fleet of its own, as soon as there is one. */
  use<T>(work: (fleet: StrikingFleet) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function createFleetPool(
  directory: string,
  options: { readonly fleets: number; readonly hasPlugins: boolean },
): FleetPool {
  const idle: Promise<StrikingFleet>[] = [];
  const waiting: ((fleet: Promise<StrikingFleet>) => void)[] = [];
  let there = 0;
  let made = 0;

  function make(): Promise<StrikingFleet> {
    there += 1;
    made += 1;
    const fleet = createStrikingFleet(join(directory, `fleet-${made}`), options);
    // Whoever uses it sees the failure.
    fleet.catch(() => undefined);
    return fleet;
  }

  function giveBack(fleet: Promise<StrikingFleet>): void {
    const next = waiting.shift();
    if (next) next(fleet);
    else idle.push(fleet);
  }

  return {
    async use(work) {
      const fleet =
        idle.shift() ??
        (there < options.fleets
          ? make()
          : new Promise<Promise<StrikingFleet>>((resolve) => waiting.push(resolve)).then((next) => next));
      try {
        const result = await work(await fleet);
        giveBack(fleet);
        return result;
      } catch (error) {
        await fleet.then((broken) => broken.close()).catch(() => undefined);
        there -= 1;
        const next = waiting.shift();
        if (next) next(make());
        throw error;
      }
    },
    async close() {
      for (const fleet of idle.splice(0)) await (await fleet).close();
    },
  };
}
