// How much of the machine's processors is in use, by everybody on it and by the fleet alone, so that a figure can be told from one that the machine itself
// held back.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { processorSeconds } from '../process-figures.ts';

export interface MachineLoad {
  /** Of all processors together, 0 to 1, between these moments of Date.now(). */
  shares(from: number, to: number): { readonly machine: number; readonly fleet: number };
  end(): void;
}

interface Sample {
  readonly at: number;
  /** Seconds of all processors so far. */
  readonly busy: number;
  readonly idle: number;
  readonly fleet: ReadonlyMap<number, number>;
}

const sampleMs = 100;

export function watchMachine(pids: readonly number[]): MachineLoad {
  const samples: Sample[] = [sample(pids)];
  const timer = setInterval(() => samples.push(sample(pids)), sampleMs);
  return {
    shares(from, to) {
      const first = samples.findLast(({ at }) => at <= from) ?? samples[0];
      const last = samples.find(({ at }) => at >= to) ?? samples.at(-1);
      if (first === undefined || last === undefined) throw new Error('the machine was not watched');
      const all = last.busy - first.busy + last.idle - first.idle;
      let fleet = 0;
      for (const [pid, seconds] of last.fleet) fleet += seconds - (first.fleet.get(pid) ?? seconds);
      return {
        machine: (last.busy - first.busy) / all,
        fleet: (fleet * 1000) / (availableParallelism() * (last.at - first.at)),
      };
    },
    end: () => clearInterval(timer),
  };
}

/** The first line of proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal, in hundredths. */
function sample(pids: readonly number[]): Sample {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  const times = line.split(/ +/).slice(1, 9).map(Number);
  const idle = ((times[3] as number) + (times[4] as number)) / 100;
  const fleet = new Map<number, number>();
  for (const pid of pids) {
    const seconds = secondsOf(pid);
    if (seconds !== undefined) fleet.set(pid, seconds);
  }
  return { at: Date.now(), busy: times.reduce((sum, ticks) => sum + ticks, 0) / 100 - idle, idle, fleet };
}

/** Undefined: it has been killed. */
function secondsOf(pid: number): number | undefined {
  try {
    return processorSeconds(pid);
  } catch {
    return undefined;
  }
}
