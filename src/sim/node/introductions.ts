// What the drivers' authentication does to packets (CHAN-6 to CHAN-11), without the cryptography: a life of a sender that a node does not
// know is asked to introduce itself while what it said waits; of a known life each packet counts once, and those far behind not at all.

export interface Numbered {
  readonly from: number;
  readonly boot: number;
  readonly counter: number;
}

export interface Introductions<Packet extends Numbered> {
  /** `ask`: it waits, and its sender is to be asked; `wait`: it waits for an answer that was asked for. */
  judge(packet: Packet, now: number): 'fresh' | 'replay' | 'ask' | 'wait';
  /** What waited for the answer. */
  answered(answer: Numbered): readonly Packet[];
  /** As a process that starts knows nobody. */
  forget(): void;
}

interface Waiting<Packet> {
  askedAt: number;
  readonly packets: Packet[];
}

const askAgainMs = 200;
const waitingMax = 8;
/** Narrower than the product's, so that it fits in one number. */
const windowBits = 32;

export function createIntroductions<Packet extends Numbered>(nodes: number): Introductions<Packet> {
  const boots = new Float64Array(nodes);
  const newest = new Float64Array(nodes);
  /** Bit n: the packet n before the newest was taken. */
  const taken = new Int32Array(nodes);
  const waiting = new Map<number, Waiting<Packet>>();

  const take = (from: number, counter: number): boolean => {
    const ahead = counter - (newest[from] as number);
    if (ahead > 0) {
      taken[from] = (ahead < windowBits ? (taken[from] as number) << ahead : 0) | 1;
      newest[from] = counter;
      return true;
    }
    if (ahead <= -windowBits) return false;
    const bit = 1 << -ahead;
    if (((taken[from] as number) & bit) !== 0) return false;
    taken[from] = (taken[from] as number) | bit;
    return true;
  };

  return {
    judge(packet, now) {
      const { from, boot, counter } = packet;
      if (boots[from] === boot) return take(from, counter) ? 'fresh' : 'replay';
      let held = waiting.get(from);
      if (held === undefined) {
        held = { askedAt: Number.NEGATIVE_INFINITY, packets: [] };
        waiting.set(from, held);
      }
      if (held.packets.length === waitingMax) held.packets.shift();
      held.packets.push(packet);
      if (now - held.askedAt < askAgainMs) return 'wait';
      held.askedAt = now;
      return 'ask';
    },
    answered({ from, boot, counter }) {
      const held = waiting.get(from);
      if (held === undefined) return [];
      waiting.delete(from);
      boots[from] = boot;
      newest[from] = counter;
      taken[from] = 1;
      // Late ones of a former life would have to be asked about for ever.
      return held.packets.filter((packet) => packet.boot === boot);
    },
    forget() {
      boots.fill(0);
      waiting.clear();
    },
  };
}
