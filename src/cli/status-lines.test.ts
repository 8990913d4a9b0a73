import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobResource, SiteStatus } from '../model/api.ts';
import { statusLines } from './status-lines.ts';
import { createStyle } from './style.ts';

const tree = '1'.repeat(40);
const error = { code: 'PLUGIN_FAILED', message: 'the board is away', fix: 'Start it.' };

function statusOf(job: Pick<JobResource, 'phase'>, phase: SiteStatus['nodes'][number]['phase']): string {
  const at = '2026-11-28T05:00:00.000Z';
  const status = {
    site: 'docs',
    branch: 'main',
    commit: tree,
    tree,
    release: { epoch: 1, sequence: 1 },
    liveSince: at,
    job: {
      id: 'j1',
      type: 'publish',
      error: null,
      ...job,
      nodes: [{ node: 'web1', state: 'stale', progress: null, stagedAt: at, liveAt: null, error }],
    } as unknown as JobResource,
    nodes: [
      {
        node: 'web1',
        connected: true,
        maintenance: false,
        url: null,
        phase,
        liveTree: tree,
        error: phase === 'stale' ? error : null,
      } as unknown as SiteStatus['nodes'][number],
    ],
  };
  return statusLines([status], createStyle(false)).join('\n');
}

test('what a job met on a node is told until the node has become live', () => {
  assert.match(statusOf({ phase: 'succeeded' }, 'stale'), /the board is away[\s\S]*Start it\./);
  assert.doesNotMatch(statusOf({ phase: 'succeeded' }, 'live'), /the board is away/);
});

test('why a job failed is told though its nodes serve the former tree', () => {
  assert.match(statusOf({ phase: 'failed' }, 'live'), /the board is away[\s\S]*Start it\./);
});
