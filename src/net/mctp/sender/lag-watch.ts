// MCTP-76: sees receivers fall behind before they lose anything: a ping goes the way of the frames, so its answer comes when all frames before it have been taken
// from the receiver's buffer. When most of the receivers let too much wait there, the sender is too fast. One that alone is slow holds up nobody; a
// late answer while little was sent says that a machine is busy, not that less would help; and pings get lost like frames.

import type { Clock } from '../../clock.ts';

export interface LagWatch {
  pong(node: string, number: number): void;
  close(): void;
}

export interface LagWatchOptions {
  readonly clock: Clock;
  /** Those that are served by multicast. */
  readonly receivers: () => readonly string[];
  readonly isSending: () => boolean;
  readonly sentBytes: () => number;
  /** The number of the ping that went out. */
  readonly ping: (node: string) => number;
  readonly onLag: () => void;
}

const pingEveryMs = 20;
/** So much may wait in a receiver's buffer of eight megabytes. */
const waitingBytesMax = 2_000_000;
/** Of many receivers, so many say how it is. */
const askedMax = 8;
/** Fewer without an answer may have been lost. */
const openMin = 3;

interface Known {
  /** Unanswered ones since the last answer: number, and what had been sent before. */
  readonly open: { readonly number: number; readonly sentBytes: number }[];
  /** What had been sent behind the one that was answered last, when it was. */
  behindBytes: number;
}

export function createLagWatch(options: LagWatchOptions): LagWatch {
  const { clock, sentBytes } = options;
  const known = new Map<string, Known>();
  let turn = 0;
  let cancel = clock.after(pingEveryMs, again);

  function again(): void {
    cancel = clock.after(pingEveryMs, again);
    const names = options.isSending() ? options.receivers() : [];
    for (const node of known.keys()) if (!names.includes(node)) known.delete(node);
    const node = names[turn % Math.min(askedMax, names.length)];
    turn += 1;
    if (node === undefined) return;
    const entry = known.get(node) ?? { open: [], behindBytes: 0 };
    known.set(node, entry);
    entry.open.push({ number: options.ping(node), sentBytes: sentBytes() });
    const late = [...known.values()].filter(isLate).length;
    if (late * 2 > known.size) options.onLag();
  }

  function isLate({ open, behindBytes }: Known): boolean {
    const [first] = open;
    const isUnheard = first !== undefined && open.length >= openMin;
    return behindBytes > waitingBytesMax || (isUnheard && sentBytes() - first.sentBytes > waitingBytesMax);
  }

  return {
    pong(node, number) {
      const entry = known.get(node);
      const at = entry?.open.findIndex((ping) => ping.number === number) ?? -1;
      if (entry === undefined || at < 0) return;
      const [answered] = entry.open.splice(0, at + 1).slice(-1);
      entry.behindBytes = sentBytes() - (answered?.sentBytes ?? 0);
    },
    close: () => cancel(),
  };
}
