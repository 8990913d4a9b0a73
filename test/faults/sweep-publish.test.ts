// Publishing, with the CCM or an agent killed behind each durable effect.

import { sweep } from '../lab/sweep/sweep.ts';

sweep(['publish']);
