// Seeded chaos: pushes, rollbacks, aborts, disconnects, failing disks and timers in any order. While it runs the fleet asserts that
// decided jobs only go forward, that decisions rest on every staged node, and that releases only rise; afterwards all nodes agree.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SitePolicy } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { servingOf } from './serving.ts';
import { createSimulatedFleet } from './testing/simulated-fleet.ts';

/** mulberry32: small, seeded, good enough to shuffle. */
function seededPick(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const pluginFailures = ['PLUGIN_FAILED', 'PROBE_FAILED', null, null] as const;

function runChaos(seed: number, turns = 150): void {
  const pick = seededPick(seed);
  const drain = {
    batch: { count: 1, share: 0 },
    minInService: { count: 1, share: 0.5 },
    onFailure: 'hold',
  } as const;
  const policies: readonly Partial<SitePolicy>[] = [
    {},
    { autonomous: true },
    { commit: { count: 1, share: 0.5 } },
    { drain },
    { drain: { ...drain, batch: { count: 2, share: 0.5 }, onFailure: 'force' } },
    { drain: { ...drain, minInService: { count: 9, share: 0 } }, commit: { count: 1, share: 0.5 } },
    { drain: { ...drain, minInService: { count: 0, share: 0 }, batch: { count: 9, share: 0 } } },
  ];
  const fleet = createSimulatedFleet({
    nodes: 1 + pick(5),
    policy: policies[pick(policies.length)] ?? {},
    pick,
  });
  for (const node of fleet.nodes) fleet.connect(node);
  let serial = 0;
  const refusable = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof TreecastError)) throw error;
    }
  };
  for (let turn = 0; turn < turns; turn++) {
    const node = fleet.nodes[pick(fleet.nodes.length)] as (typeof fleet.nodes)[0];
    const dice = pick(40);
    if (dice === 0) fleet.publish(`t${pick(6)}`, `j${++serial}`);
    else if (dice === 1) refusable(() => fleet.rollback(`j${++serial}`));
    else if (dice === 2) {
      const [open] = [...fleet.state.jobs.keys()];
      if (open !== undefined)
        refusable(() => fleet.post({ type: 'abortRequested', job: open, requestedBy: 'operator' }));
    } else if (dice === 3) fleet.disconnect(node);
    else if (dice === 4 && node.connection === null) fleet.connect(node);
    else if (dice === 5)
      node.failsWith = node.failsWith === null && pick(3) === 0 ? 'SPACE_INSUFFICIENT' : null;
    else if (dice === 6) fleet.fireTimer();
    else if (dice === 7) node.isSilent = !node.isSilent && pick(4) === 0;
    else if (dice === 8 && pick(3) === 0) fleet.restart();
    else if (dice === 10) node.pluginFails = pluginFailures[pick(pluginFailures.length)] ?? null;
    else if (dice === 11) {
      if (!fleet.balancers.failing.delete(node.name)) fleet.balancers.failing.add(node.name);
    } else if (dice === 12) fleet.balancers.isSilent = !fleet.balancers.isSilent && pick(3) === 0;
    else if (dice === 13 && pick(3) === 0) {
      fleet.configure(undefined, [node.name]);
      if (pick(2) === 0) fleet.step();
      fleet.configure();
    } else if (dice === 9 && pick(2) === 0) {
      // Leaves the group in the middle of whatever goes on, and comes back.
      fleet.configure(fleet.nodes.filter((other) => other !== node).map((other) => other.name));
      fleet.configure();
    } else fleet.step();
  }
  // Everything heals; one last push must reach every node.
  for (const node of fleet.nodes) {
    node.failsWith = null;
    node.pluginFails = null;
    if (node.isSilent) {
      node.isSilent = false;
      fleet.disconnect(node);
    }
    if (node.connection === null) fleet.connect(node);
  }
  fleet.balancers.failing.clear();
  fleet.balancers.isSilent = false;
  fleet.publish('final', 'last');
  for (let guard = 0; guard < 1_000; guard++) {
    fleet.settle();
    const agreed = fleet.nodes.every((node) => node.live?.tree === 'final');
    if (agreed && fleet.state.jobs.size === 0) break;
    if (!fleet.fireTimer()) break;
  }
  assert.deepEqual(new Set(fleet.nodes.map((node) => node.live?.tree)), new Set(['final']));
  assert.equal(fleet.site().live?.tree, 'final');
  assert.equal(fleet.site().running, null);
  assert.deepEqual([...fleet.state.jobs.keys()], []);
  assert.deepEqual(
    servingOf(fleet.state, 'sample').filter(({ wanted }) => wanted === 'out'),
    [],
  );
  assert.deepEqual([...fleet.balancers.out], []);
}

test('JOB-1 X2 2,000 seeds of chaos: no invariant breaks, and a last push reaches every node', () => {
  for (let seed = 1; seed <= 2_000; seed++) {
    try {
      runChaos(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

for (const [seed, story] of [
  [1001, 'a node that was not put back after a start may be the only one that serves'],
  [3145, 'balancers that neither let go nor take back leave nobody to be switched in service'],
  [11574, 'a stale node that happens to have the new tree counts when it says that it has switched'],
  [11996, 'a node that got lost while it was taken out may serve when it is back'],
  [38043, 'a node of which an old tree is known has a turn like the others'],
] as const) {
  test(`JOB-19 seed ${seed}, which once found: ${story}`, () => runChaos(seed, 400));
}
