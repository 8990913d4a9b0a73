// What the drivers' authentication does to packets, without the cryptography: of each sender only what is newer than the last packet heard
// of it passes. What a node has heard it forgets when it restarts.

export interface ReplayGuard {
  /** Whether the packet is newer than all before it; then it counts as heard. */
  passes(from: number, boot: number, counter: number): boolean;
  forget(): void;
}

export function createReplayGuard(nodes: number): ReplayGuard {
  const boots = new Float64Array(nodes);
  const counters = new Float64Array(nodes);
  return {
    passes(from, boot, counter) {
      const lastBoot = boots[from] as number;
      if (boot < lastBoot || (boot === lastBoot && counter <= (counters[from] as number))) return false;
      boots[from] = boot;
      counters[from] = counter;
      return true;
    },
    forget() {
      boots.fill(0);
      counters.fill(0);
    },
  };
}
