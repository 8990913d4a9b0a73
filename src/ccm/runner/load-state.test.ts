// What the core finds again after a restart: jobs in flight, decisions, and nothing of a namesake that was removed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistEffect } from '../core/effects.ts';
import { createSimulatedFleet, site } from '../core/testing/simulated-fleet.ts';
import { openDatabase } from '../db/open-database.ts';
import { createGrants } from '../distribution/grants.ts';
import { createRegistry } from '../registry/registry.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { loadState } from './load-state.ts';
import { createCorePersistence } from './persist.ts';

async function persistedFleet() {
  const database = await openDatabase(':memory:');
  const registry = createRegistry(database);
  registry.sites.create({ name: site }, 'test');
  for (const name of ['n1', 'n2']) {
    registry.nodes.join({ name, ...certificateOf(name) });
  }
  const persistence = createCorePersistence({ database, events: registry.events, decisionRows: () => [] });
  const fleet = createSimulatedFleet({
    nodes: 2,
    pick: () => 0,
    persist: (state, effects: readonly PersistEffect[]) => persistence.write(state, effects),
  });
  for (const node of fleet.nodes) fleet.connect(node);
  return { database, registry, fleet };
}

test('R4.5 a decided job, its release and what each node holds are found again', async () => {
  const { database, fleet } = await persistedFleet();
  fleet.publish('a');
  while (fleet.decisions.length === 0) fleet.step();
  const state = loadState(database, 0);
  const found = state.sites.get(site);
  assert.equal(found?.running, 'job-a');
  assert.equal(found?.live?.tree, 'a');
  assert.deepEqual(found?.lastDecision, fleet.site().lastDecision);
  assert.equal(found?.sequence, fleet.site().sequence);
  assert.deepEqual(
    [...(state.jobs.get('job-a')?.nodes ?? [])].map(([name, node]) => [name, node.state]),
    [
      ['n1', 'staged'],
      ['n2', 'staged'],
    ],
  );
  assert.equal(state.nodes.get('n1')?.sites.get(site)?.staged?.tree, 'a');
  database.close();
});

test('R4.5 what was in flight and undecided is queued again', async () => {
  const { database, fleet } = await persistedFleet();
  fleet.publish('a');
  fleet.publish('b');
  const state = loadState(database, 0);
  assert.deepEqual(state.sites.get(site)?.queued.sort(), ['job-a', 'job-b']);
  assert.equal(state.sites.get(site)?.running, null);
  assert.equal(state.jobs.get('job-a')?.phase, 'queued');
  database.close();
});

test('JOB-21 a node that went back by itself is still known as one after a start, and is not told the decision', async () => {
  const { database, registry, fleet } = await persistedFleet();
  fleet.publish('a');
  fleet.settle();
  const [first] = fleet.nodes;
  assert.ok(first);
  first.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  fleet.settle();
  const state = loadState(database, 0);
  const row = state.nodes.get('n1')?.sites.get(site);
  assert.deepEqual(row?.setback, {
    release: { epoch: 1, sequence: 2 },
    error: { code: 'PROBE_FAILED', message: 'failed on n1' },
  });
  assert.equal(row?.phase, 'stale');
  const configured = state.sites.get(site);
  assert.ok(configured);
  configured.members = new Set(['n1', 'n2']);
  const grants = createGrants(
    state,
    registry,
    (decision) => decision,
    () => false,
  );
  assert.deepEqual(
    [grants.ofSite(site, 'n1')?.lastDecision, grants.ofNode('n1')[0]?.lastDecision],
    [null, null],
  );
  assert.equal(grants.ofSite(site, 'n2')?.lastDecision?.toTree, 'b');
  first.pluginFails = null;
  fleet.publish('c');
  fleet.settle();
  assert.equal(loadState(database, 0).nodes.get('n1')?.sites.get(site)?.setback, null);
  database.close();
});

test('a site made anew under a removed site’s name has no history', async () => {
  const { database, registry, fleet } = await persistedFleet();
  fleet.publish('a');
  fleet.settle();
  registry.sites.remove(site, 'test');
  registry.sites.create({ name: site }, 'test');
  const found = loadState(database, 0).sites.get(site);
  assert.equal(found?.lastDecision, null);
  assert.equal(found?.snapshots.size, 0);
  assert.ok((found?.epoch ?? 0) > 1);
  database.close();
});
