// Who sends what is not the sender's: frames without the key or with an old one, and what a member with the key can make up.

import type { MctpFrame } from '../../protocol/mctp/mctp-messages.ts';
import type { MctpLayout, MctpSession } from '../../protocol/mctp/mctp-session.ts';
import type { Random } from '../kernel/random.ts';
import type { SimPacket } from './sim-packet.ts';

export interface Forger {
  frame(key: number, number: number): SimPacket;
  /** A few forged frames of the session, and sometimes a request. `wild`: with numbers that make no sense. */
  rogue(session: MctpSession, number: number, wild: boolean): SimPacket[];
}

export function createForger(random: Random, layout: MctpLayout): Forger {
  function frame(key: number, number: number): SimPacket {
    const block = random.below(layout.blocks);
    const forged: MctpFrame = {
      block,
      sequence: random.below(Math.min(255, layout.frames(block) + 2)),
      pass: random.below(3),
      number: Math.max(1, number - random.below(20)),
      isLast: random.chance(0.1),
    };
    return { kind: 'frame', key, frame: forged, isGenuine: false };
  }

  return {
    frame,
    rogue({ session }, number, wild) {
      const packets: SimPacket[] = [];
      for (let each = 1 + random.below(3); each > 0; each -= 1)
        packets.push(frame(session, wild && random.chance(0.2) ? random.below(2 ** 32) : number));
      if (!random.chance(0.1)) return packets;
      const message = {
        ...({ type: 'status-request', session, round: random.below(1000), asked: { missing: [] } } as const),
        spreadMs: random.below(100_000),
        number: wild ? random.below(2 ** 32) : number,
        upTo: wild ? random.below(2 ** 20) : 0,
      };
      return [...packets, { kind: 'message', from: 'rogue', message }];
    },
  };
}
