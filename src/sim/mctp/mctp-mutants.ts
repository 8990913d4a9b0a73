// Planted mistakes of a session: one decision that is wrong on purpose, to see that the checks find it.

import { mctpRules } from '../../protocol/mctp/mctp-rules.ts';
import type { MctpChanges } from './mctp-run.ts';

export interface MctpMutant {
  readonly name: string;
  /** What it does wrong. */
  readonly mistake: string;
  readonly changes: MctpChanges;
}

export const mctpMutants: readonly MctpMutant[] = [
  {
    name: 'assembled-too-early',
    mistake: 'a block counts as assembled with a frame less than it needs',
    changes: {
      rules: {
        isAssembled: (repair, isDataOnly, frames, dataHeld, held) =>
          mctpRules.isAssembled(repair, isDataOnly, frames - 1, dataHeld, held),
      },
    },
  },
  {
    name: 'complete-before-verified',
    mistake: 'blocks count as there before they are verified and durable',
    changes: { rules: { isComplete: (blocks, verified, assembled) => verified + assembled === blocks } },
  },
  {
    name: 'complete-without-the-last',
    mistake: 'a receiver is complete with a block less',
    changes: { rules: { isComplete: (blocks, verified) => verified >= blocks - 1 } },
  },
  {
    name: 'memory-without-bound',
    mistake: 'a receiver holds as many incomplete blocks as begin',
    changes: { rules: { mayHold: () => true } },
  },
  {
    name: 'statuses-all-at-once',
    mistake: 'nobody waits with what it has to say',
    changes: { rules: { statusGapMs: () => 0, spreadMs: () => 0 } },
  },
  {
    name: 'absent-not-asked',
    mistake: 'blocks that were missed as a whole are not asked for',
    changes: { rules: { absentUpTo: () => 0 } },
  },
  {
    name: 'silent-sender-waited-for',
    mistake: 'a receiver waits for its sender for ever',
    changes: { rules: { isAbandoned: () => false } },
  },
  {
    name: 'in-flight-sent-again',
    mistake: 'what is on its way already is sent again',
    changes: { rules: { isInFlight: () => false } },
  },
  {
    name: 'nacks-added',
    mistake: 'what several receivers lack is added up',
    changes: { rules: { needOf: (queued, asked) => queued + asked } },
  },
  {
    name: 'parity-unmeasured',
    mistake: 'a tenth of parity is sent whether anything is lost or not',
    changes: { rules: { proactiveParity: (frames) => Math.ceil(frames / 10) } },
  },
  {
    name: 'lossy-holds-up',
    mistake: 'a receiver at half loss is repaired like any other',
    changes: { rules: { isLossy: () => false } },
  },
  {
    name: 'hasty-unicast',
    mistake: 'whoever loses anything is handed to unicast',
    changes: { rules: { isLossy: (loss) => loss > 0.08 } },
  },
  {
    name: 'silent-waited-for',
    mistake: 'a receiver that answers no more is asked for ever',
    changes: { rules: { isSilent: () => false, isStuck: () => false } },
  },
  {
    name: 'stuck-waited-for',
    mistake: 'a receiver that comes no nearer is repaired for ever',
    changes: { rules: { isStuck: () => false } },
  },
  {
    name: 'held-sent-again',
    mistake: 'blocks that everybody holds are sent',
    changes: { rules: { isNeeded: () => true } },
  },
  {
    name: 'no-digests',
    mistake: 'a forged block has no list of digests',
    changes: { rules: { sendsDigests: () => false } },
  },
  {
    name: 'quorum-untold',
    mistake: 'a quorum is not told',
    changes: { rules: { isQuorum: () => false } },
  },
  {
    name: 'old-session-believed',
    mistake: 'the driver takes frames of any key',
    changes: { trustsAnyKey: true },
  },
  {
    name: 'hash-unchecked',
    mistake: 'the driver writes blocks without looking at their hashes',
    changes: { skipsVerification: true },
  },
];

export const mctpMutantNames: readonly string[] = mctpMutants.map(({ name }) => name);

/** Throws RangeError for a name that is none. */
export function findMctpMutant(name: string): MctpMutant {
  const found = mctpMutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new RangeError(`there is no mutant ${name}`);
  return found;
}
