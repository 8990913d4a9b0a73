// How much of what is sent does not arrive, from what receivers say of it: how many different frames they have heard up to which number. Who says
// nothing has lost nothing: receivers speak when they lose. Of several the median counts, so that one bad cable slows nobody down.

export interface LossMeter {
  /** It hears the frames behind this number. */
  join(node: string, number: number): void;
  report(node: string, asOf: number, heard: number): void;
  /** Forgotten: it takes part no more. */
  leave(node: string): void;
  /** A measurement of what is sent behind this number begins. */
  begin(number: number): void;
  /** Of the measurement under way. */
  current(): number;
  /** Of late, over all measurements. */
  median(): number;
  of(node: string): number;
}

interface Heard {
  asOf: number;
  heard: number;
  loss: number;
  expected: number;
  arrived: number;
}

/** So many frames weigh as much as all before. */
const memoryFrames = 400;

export function createLossMeter(): LossMeter {
  const nodes = new Map<string, Heard>();
  let begun = 0;

  function medianOf(value: (heard: Heard) => number): number {
    if (nodes.size === 0) return 0;
    const sorted = [...nodes.values()].map(value).sort((one, other) => one - other);
    return sorted[(sorted.length - 1) >> 1] as number;
  }

  return {
    join: (node, number) =>
      void nodes.set(node, { asOf: number, heard: 0, loss: 0, expected: 0, arrived: 0 }),
    report(node, asOf, heard) {
      const last = nodes.get(node);
      if (last === undefined || asOf <= last.asOf) return;
      const expected = asOf - last.asOf;
      const arrived = Math.min(expected, Math.max(0, heard - last.heard));
      const weight = expected / (expected + memoryFrames);
      last.loss += weight * (1 - arrived / expected - last.loss);
      if (last.asOf + expected / 2 >= begun) {
        last.expected += expected;
        last.arrived += arrived;
      }
      last.asOf = asOf;
      last.heard = heard;
    },
    leave: (node) => void nodes.delete(node),
    begin(number) {
      begun = number;
      for (const heard of nodes.values()) {
        heard.expected = 0;
        heard.arrived = 0;
      }
    },
    current: () => medianOf(({ expected, arrived }) => (expected === 0 ? 0 : 1 - arrived / expected)),
    median: () => medianOf(({ loss }) => loss),
    of: (node) => nodes.get(node)?.loss ?? 0,
  };
}
