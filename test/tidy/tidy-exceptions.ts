// The places where a tidy rule does not hold, each with its reason. Keep it short.

import type { TidyException } from './tidy-rules.ts';

export const tidyExceptions: readonly TidyException[] = [];
