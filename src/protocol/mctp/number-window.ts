// Which frame numbers a receiver has heard: the highest, how many different ones, and which of the last few thousand, so that a datagram that
// comes twice counts once. Numbers far behind the highest are not counted any more.

const windowNumbers = 4096;

export interface NumberWindow {
  add(number: number): void;
  /** Of frames that were not heard: a request names the last one that was sent. */
  raise(number: number): void;
  highest(): number;
  heard(): number;
}

export function createNumberWindow(): NumberWindow {
  const seen = new Uint8Array(windowNumbers);
  let highest = 0;
  let heard = 0;

  function raise(number: number): void {
    if (number <= highest) return;
    if (number - highest >= windowNumbers) seen.fill(0);
    else for (let skipped = highest + 1; skipped <= number; skipped += 1) seen[skipped % windowNumbers] = 0;
    highest = number;
  }

  return {
    add(number) {
      raise(number);
      if (highest - number >= windowNumbers) return;
      const at = number % windowNumbers;
      if (seen[at] === 1) return;
      seen[at] = 1;
      heard += 1;
    },
    raise,
    highest: () => highest,
    heard: () => heard,
  };
}
