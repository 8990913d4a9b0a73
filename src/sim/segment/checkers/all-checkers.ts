// Everything that is checked in a run of a segment, one file each.

import type { MakeChecker } from '../segment-view.ts';
import { bestCandidate } from './best-candidate.ts';
import { ccmAcceptsOne } from './ccm-accepts-one.ts';
import { ccmView } from './ccm-view.ts';
import { claimAnswered } from './claim-answered.ts';
import { claimInterval } from './claim-interval.ts';
import { coldStart } from './cold-start.ts';
import { durableFirst } from './durable-first.ts';
import { failover } from './failover.ts';
import { listsAgree } from './lists-agree.ts';
import { lonelyLeader } from './lonely-leader.ts';
import { noFlapping } from './no-flapping.ts';
import { quietAfterPause } from './quiet-after-pause.ts';
import { refusedYields } from './refused-yields.ts';
import { registered } from './registered.ts';
import { rivalLeaders } from './rival-leaders.ts';
import { settledLeader } from './settled-leader.ts';
import { traffic } from './traffic.ts';

export const allCheckers: readonly MakeChecker[] = [
  durableFirst,
  claimInterval,
  rivalLeaders,
  ccmAcceptsOne,
  coldStart,
  settledLeader,
  bestCandidate,
  failover,
  registered,
  ccmView,
  noFlapping,
  refusedYields,
  claimAnswered,
  lonelyLeader,
  quietAfterPause,
  listsAgree,
  traffic,
];
