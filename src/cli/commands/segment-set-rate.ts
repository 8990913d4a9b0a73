// Sets how much a segment's leader may send by multicast, or move between its segment and elsewhere.

import { z } from 'zod';
import { type RateLimit, rateHoursMax, rateHoursProblem } from '../../model/rate-limit.ts';
import { defineCommand } from '../command.ts';
import { mbitOrOff, name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';

const hoursPattern = /^(\d\d:\d\d)-(\d\d:\d\d)=(.+)$/;

const between = z.string().transform((text, context): RateLimit['hours'][number] => {
  const [, from = '', to = '', figure = ''] = hoursPattern.exec(text) ?? [];
  const mbit = mbitOrOff.safeParse(figure);
  const message = hoursPattern.test(text)
    ? (rateHoursProblem({ from, to }) ?? mbit.error?.issues[0]?.message)
    : 'Is not HH:MM-HH:MM=MBIT, such as 08:00-18:00=50 or 22:00-06:00=off';
  if (message === undefined) return { from, to, mbit: mbit.data ?? null };
  context.issues.push({ code: 'custom', message, input: text });
  return z.NEVER;
});

export const segmentSetRate = defineCommand({
  name: 'segment set-rate',
  summary: 'limit what a segment’s leader sends by multicast, or to and from elsewhere',
  details:
    'All sessions of the leader together stay below it, headers and repair included; it holds at once, also for what is under way. With `--wan` it is the other limit: what the leader sends to other segments, and what it fetches from them and from the CCM, each by itself. Hours are those of the leader’s clock and time zone, each day. What is named replaces what was set before. A site’s own limits are `rate` and `wanRate` of its policy (`site set --policy`); the smaller one counts.',
  arguments: [{ name: 'segment', summary: 'its name' }],
  options: [
    { flags: '--mbit <mbit>', summary: 'Mbit/s; off: as much as the network carries (default)' },
    {
      flags: '--between <hours>',
      summary:
        'HH:MM-HH:MM=MBIT or =off: another figure at these hours; may be repeated, the first that fits counts',
      repeatable: true,
    },
    { flags: '--wan', summary: 'the limit of what goes between the segment and elsewhere' },
  ],
  examples: [
    { line: 'treecast segment set-rate rack-5 --mbit 200', explanation: 'never more than 200 Mbit/s' },
    {
      line: 'treecast segment set-rate rack-5 --mbit off --between 08:00-18:00=50',
      explanation: 'little while people work, no limit at night',
    },
    { line: 'treecast segment set-rate rack-5 --mbit off', explanation: 'no limit any more' },
    {
      line: 'treecast segment set-rate rack-5 --wan --mbit 20',
      explanation: 'no more than 20 Mbit/s of its line, in each direction',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z
    .strictObject({
      segment: name,
      mbit: mbitOrOff.optional(),
      between: z.array(between).max(rateHoursMax).default([]),
      wan: z.boolean().default(false),
    })
    .refine(({ mbit, between: hours }) => mbit !== undefined || hours.length > 0, {
      path: ['mbit'],
      message: 'Give --mbit, --between, or both',
    }),
  async run({ segment, mbit = null, between: hours, wan }, { client, output }) {
    const rate = mbit === null && hours.length === 0 ? null : { mbit, hours };
    const changed = await (await client()).segments.update(segment, wan ? { wanRate: rate } : { rate });
    output.answer(changed, () => segmentLines(changed));
  },
});
