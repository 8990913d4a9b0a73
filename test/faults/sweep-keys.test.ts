// Keys that are rotated, with the CCM or an agent killed on the way.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['rotate']);
