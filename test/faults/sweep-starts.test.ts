// Starts that clean up after a crash, killed while they do.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['restart', 'start']);
