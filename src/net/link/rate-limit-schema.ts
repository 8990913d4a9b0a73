// A limit of the rate, as the API takes it and as leaders are told it. Strict and bounded.

import { z } from 'zod';
import {
  type RateLimit,
  rateHoursMax,
  rateHoursProblem,
  rateMbitMax,
  rateMbitMin,
} from '../../model/rate-limit.ts';

const mbit = z.number().min(rateMbitMin).max(rateMbitMax).nullable();

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
    .max(rateHoursMax),
});
