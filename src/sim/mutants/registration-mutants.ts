// Mistakes in registration: each replaces one of its decisions.

import type { Mutant } from './mutant.ts';

const never = Number.POSITIVE_INFINITY;

export const registrationMutants: readonly Mutant[] = [
  {
    name: 'registration-without-retry',
    mistake: 'a request that got lost is not made again',
    changes: { registration: { retryAt: () => never } },
  },
  {
    name: 'silence-not-noticed',
    mistake: 'a member that fell silent stays online',
    changes: { registration: { isOffline: () => false } },
  },
  {
    name: 'hasty-offline',
    mistake: 'a member that is silent for a second is offline',
    changes: {
      registration: {
        isSilent: (_, silenceMs) => silenceMs >= 500,
        isOffline: (_, silenceMs) => silenceMs >= 1600,
      },
    },
  },
  {
    name: 'nobody-inherited',
    mistake: 'a new leader does not know the members of the one before',
    changes: { registration: { inherited: () => [] } },
  },
  {
    name: 'any-list-registers',
    mistake: 'a member takes itself for registered by a list that answers somebody else',
    changes: { registration: { isRegistered: () => true } },
  },
  {
    name: 'request-not-taken',
    mistake: 'a leader overlooks requests',
    changes: { registration: { isForMe: () => false } },
  },
  {
    name: 'old-list-counts',
    mistake: 'a list that was overtaken counts like a new one',
    changes: { registration: { isOldList: () => false } },
  },
  {
    name: 'lost-list-not-repeated',
    mistake: 'a member that missed a list does not get it again',
    changes: { registration: { isBehind: () => false } },
  },
  {
    name: 'list-never-sent',
    mistake: 'the list waits for ever',
    changes: { registration: { listDueAt: () => never } },
  },
];
