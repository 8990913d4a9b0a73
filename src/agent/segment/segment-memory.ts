// What a node remembers of its segment over restarts: which one it is, where it meets, its timing, for whom it voted in each, and how often it
// was started. Each change is durable before anything is said that follows from it.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import {
  type ControlChannel,
  defaultControlChannel,
  segmentIdPattern,
  timingPresets,
  unassignedSegment,
} from '../../model/segment.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { nameSchema } from '../../net/link/field-schemas.ts';
import { channelSchema, timersSchema } from '../../net/link/segment-schemas.ts';
import { readIfThere } from '../../net/read-if-there.ts';
import { type Ballot, emptyBallot } from '../../protocol/election/claim.ts';

const segmentSchema = z.string().regex(segmentIdPattern);
const schema = z.strictObject({
  version: z.literal(1),
  boot: z.int().min(0).max(4_294_967_295),
  segment: segmentSchema,
  channel: channelSchema,
  preset: z.enum(timingPresets),
  timers: timersSchema,
  /** The last used first. */
  ballots: z
    .array(z.strictObject({ segment: segmentSchema, term: z.int().min(0), vote: nameSchema.nullable() }))
    .max(16),
});

type Kept = z.output<typeof schema>;

export interface SegmentMemory {
  /** For one life of the node on the control channel: higher than each before, and durable. */
  nextBoot(): Promise<number>;
  current(): Pick<Kept, 'segment' | 'channel' | 'preset' | 'timers'>;
  /** Whether it is known where this node belongs. */
  isSettled(): boolean;
  ballotOf(segment: string): Ballot;
  /** Durable when it resolves. A term is never written over by an older one. */
  vote(segment: string, ballot: Ballot): Promise<void>;
  settle(change: Partial<Pick<Kept, 'segment' | 'channel' | 'preset' | 'timers'>>): Promise<void>;
}

const ballotsMax = 16;
const bootMax = 4_294_967_295;

/** A file that is damaged is begun anew; `onDamaged` is told. */
export async function openSegmentMemory(
  directory: string,
  onDamaged: (cause: unknown) => void,
): Promise<SegmentMemory> {
  const path = join(directory, 'segment', 'segment.json');
  await mkdir(join(directory, 'segment'), { recursive: true, mode: 0o700 });
  let kept = read(await readIfThere(path), onDamaged);
  let writing: Promise<void> = Promise.resolve();

  /** One after the other; what fails leaves what is known as it was. */
  function change(edit: (before: Kept) => Kept): Promise<void> {
    const work = writing.then(async () => {
      const wanted = edit(kept);
      if (JSON.stringify(wanted) === JSON.stringify(kept)) return;
      await writeFileAtomic(path, `${JSON.stringify(wanted)}\n`, 0o600);
      failpoint('agent.segment.remembered');
      kept = wanted;
    });
    writing = work.catch(() => undefined);
    return work;
  }

  return {
    async nextBoot() {
      await change((before) => ({ ...before, boot: before.boot >= bootMax ? 1 : before.boot + 1 }));
      return kept.boot;
    },
    current: () => kept,
    isSettled: () => kept.segment !== unassignedSegment,
    ballotOf(segment) {
      const ballot = kept.ballots.find((entry) => entry.segment === segment);
      return ballot === undefined ? emptyBallot : { term: ballot.term, vote: ballot.vote };
    },
    vote: (segment, { term, vote }) =>
      change((before) => {
        const others = before.ballots.filter((entry) => entry.segment !== segment);
        const known = before.ballots.find((entry) => entry.segment === segment);
        if (known !== undefined && known.term > term) return before;
        return { ...before, ballots: [{ segment, term, vote }, ...others].slice(0, ballotsMax) };
      }),
    settle: (wanted) => change((before) => ({ ...before, ...wanted })),
  };
}

function read(text: string | undefined, onDamaged: (cause: unknown) => void): Kept {
  const channel: ControlChannel = defaultControlChannel;
  const fresh: Kept = {
    version: 1,
    boot: 0,
    segment: unassignedSegment,
    channel,
    preset: 'fast',
    timers: {},
    ballots: [],
  };
  if (text === undefined) return fresh;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    onDamaged(cause);
    return fresh;
  }
}
