// The leader is killed when it has staged, and right behind the decision.

import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { killAtPhases } from './killed-at-work.ts';

testNeeding(
  ['netns', 'git'],
  'R7 N38 LEAD-2 LEAD-53 JOB-8: the leader is killed when it has staged, and behind the decision; the others have it live without it',
  (t) =>
    killAtPhases(t, [
      { phase: 'when it has staged', failpoint: 'agent.stage.staged', bytes: 1024 * 1024 },
      { phase: 'right behind the decision', failpoint: 'agent.live.moved', bytes: 1024 * 1024 },
    ]),
);
