// A limit of the rate, as it is written in files, as the API takes it and as leaders are told it. Strict and bounded.

import { z } from 'zod';
import {
  type RateLimit,
  rateHoursMax,
  rateHoursProblem,
  rateMbitMax,
  rateMbitMin,
} from '../../model/rate-limit.ts';

const mbit = z.number().min(rateMbitMin).max(rateMbitMax).nullable().describe('Mbit/s; null: no limit.');

export const rateLimitSchema: z.ZodType<RateLimit> = z.strictObject({
  mbit,
  hours: z
    .array(
      z.strictObject({ from: z.string(), to: z.string(), mbit }).check((context) => {
        const problem = rateHoursProblem(context.value);
        if (problem !== undefined)
          context.issues.push({ code: 'custom', message: `must ${problem}`, input: context.value });
      }),
    )
    .max(rateHoursMax)
    .describe(
      'At these hours of the sender’s clock, each day, another figure holds; the first that fits counts.',
    ),
});
