// The leader is killed before it hears of a publish, and while it fetches and hands out.

import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { killAtPhases } from './killed-at-work.ts';

testNeeding(
  ['netns', 'git'],
  'R7 N38 LEAD-53 LEAD-58 JOB-8: the leader is killed before and while it hands a publish out; the others have it live without it',
  (t) =>
    killAtPhases(t, [
      { phase: 'before the assignment', failpoint: null, bytes: 100 },
      { phase: 'while it is handed out', failpoint: 'agent.relay.block-written:9', bytes: 4 * 1024 * 1024 },
    ]),
);
