// The places where a tidy rule does not hold, each with its reason. Keep it short.

import type { TidyException } from './tidy-rules.ts';

const inNext =
  'one of many effects in a tree that nobody serves: agent.stage.* and agent.slot.* follow them all, and site-store.property.test.ts stops at each';

export const tidyExceptions: readonly TidyException[] = [
  { rule: 'effect-without-failpoint', path: 'src/agent/store/durability.ts', because: inNext },
  { rule: 'effect-without-failpoint', path: 'src/agent/store/file-writer.ts', because: inNext },
  {
    rule: 'effect-without-failpoint',
    path: 'src/ccm/backup-ccm.ts',
    because: 'a command of its own that only reads the CCM; what it makes counts once it is renamed',
  },
  {
    rule: 'effect-without-failpoint',
    path: 'src/ccm/runner/settle-copy.ts',
    because:
      'only at the start after a restore, and done again as a whole until last-run.json is written: settle-copy.test.ts does it twice',
  },
  {
    rule: 'effect-without-failpoint',
    path: 'src/agent/store/removal.ts',
    because: 'it moves only what is being thrown away; the callers have their own',
  },
];
