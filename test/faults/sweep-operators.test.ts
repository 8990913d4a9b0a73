// What operators change, with the CCM or an agent killed behind each change.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['configure']);
