// All fuzzed readers, in the order in which they are reported.

import type { FuzzTarget } from './fuzz-target.ts';
import { assignmentTargets } from './targets/assignment-targets.ts';
import { documentTargets } from './targets/document-targets.ts';
import { messageTargets } from './targets/message-targets.ts';

export const fuzzTargets: readonly FuzzTarget[] = [
  ...assignmentTargets,
  ...messageTargets,
  ...documentTargets,
];
