// A NotifyEvent for tests of `notify`: a publish of the site `docs` that is live on both of its nodes, unless told otherwise.

import type { NotifyEvent } from '../api/hooks.ts';

export function notifyEvent(overrides: Partial<NotifyEvent> = {}): NotifyEvent {
  return {
    site: 'docs',
    job: 'j0000000001',
    type: 'publish',
    phase: 'live',
    commit: 'c'.repeat(40),
    release: '1-0002',
    requestedBy: 'anna',
    nodes: { total: 2, live: 2, failed: [] },
    text: 'live on all 2 nodes',
    at: 1_700_000_000_000,
    durationMs: 900,
    ...overrides,
  };
}
