// Seeded chaos: lossy links, crashes, restarts, pauses, links that are cut one way, and leaders that change. Once the faults stop, leader and
// members agree within a bound. A seed that fails is told; replayed alone it fails again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { timingProblems } from '../segment/timing-problems.ts';
import { createRegistrationLan, type RegistrationLan, testTiming } from './testing/registration-lan.ts';

interface Chaos extends RegistrationLan {
  readonly alive: Set<string>;
  leader: string;
}

function runChaos(seed: number, lossShare: number): Chaos {
  const members = 2 + (seed % 29);
  const segment = createRegistrationLan({
    ...{ members, seed, lossShare, duplicateShare: 0.1, delayMaxMs: 50, partMembersMax: 1 + (seed % 7) },
  });
  const { lan, nodes, elect, run } = segment;
  const pick = (bound: number): number => Math.floor(lan.random() * bound);
  const chaos: Chaos = { ...segment, alive: new Set(nodes), leader: nodes[0] ?? '' };
  let term = 1;
  const changeLeader = () => {
    const candidates = [...chaos.alive];
    chaos.leader = candidates[pick(candidates.length)] ?? '';
    term += 1;
    elect(chaos.leader, term, candidates);
  };

  elect(chaos.leader, term);
  for (let turn = 0; turn < 60; turn++) {
    const node = nodes[pick(nodes.length)] ?? '';
    const dice = pick(12);
    if (dice === 0 && chaos.alive.size > 1) {
      lan.crash(node);
      chaos.alive.delete(node);
      if (node === chaos.leader) changeLeader();
    } else if (dice === 1 && !chaos.alive.has(node)) {
      segment.restart(node);
      chaos.alive.add(node);
      elect(chaos.leader, term, [node]);
    } else if (dice === 2) lan.pause(node);
    else if (dice < 6) lan.resume(node);
    else if (dice === 6) lan.cut(node, nodes[pick(nodes.length)] ?? '');
    else if (dice === 7) lan.heal();
    else if (dice === 8 && pick(4) === 0) changeLeader();
    run(pick(2000));
  }
  for (const node of nodes) lan.resume(node);
  lan.heal();
  return chaos;
}

function assertAgreed({ nodes, alive, leader, machine }: Chaos, seed: string): void {
  const known = machine(leader).members();
  for (const node of nodes) {
    const listed = known.find((member) => member.node === node);
    if (alive.has(node)) {
      assert.ok(machine(node).isRegistered(), `${seed}: ${node} is not registered`);
      assert.equal(listed?.online, true, `${seed}: ${node} is not listed online`);
      assert.deepEqual(machine(node).members(), known, `${seed}: ${node} knows another list`);
    } else assert.notEqual(listed?.online, true, `${seed}: ${node} is dead and online`);
  }
}

test('REG-4 REG-10 REG-11 REG-13: after the faults all that live are registered, all that are dead are offline, and all know it', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const chaos = runChaos(seed, 0.05 * (seed % 4));
    chaos.run(20_000);
    assertAgreed(chaos, `seed ${seed}`);
  }
});

test('REG-12 REG-13: loss of 10 % and pauses up to 2 s of members and leader make nobody offline', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { lan, nodes, elect, run, facts } = createRegistrationLan({ members: 12, seed, lossShare: 0.1 });
    elect('n001', 1);
    run(5000);
    for (let pause = 0; pause < 8; pause++) {
      const node = nodes[Math.floor(lan.random() * nodes.length)] ?? '';
      lan.pause(node);
      run(500 + lan.random() * 1500);
      lan.resume(node);
      run(3000);
    }
    const blamed = facts('segment-report').filter(({ fact }) =>
      fact.report.members.some(({ online }) => !online),
    );
    assert.deepEqual(blamed, [], `seed ${seed}`);
    assert.ok(lan.now > 5000 && facts('segment-report').length > 3);
    assert.ok(testTiming.offlineMs > 2000);
  }
});

test('REG-7: whatever happens, a leader sends no more lists than the quiet delay allows, and none when nothing happens', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { lan, nodes, elect, run, sent } = createRegistrationLan({ members: 30, seed, lossShare: 0.1 });
    elect('n001', 1);
    run(10_000);
    const lists = sent('member-list').filter(({ to }) => 'group' in to);
    for (const [index, list] of lists.entries())
      assert.ok(index === 0 || list.at - (lists[index - 1]?.at ?? 0) >= testTiming.quietMs, `seed ${seed}`);
    lan.setLoss(0);
    run(5000);
    const before = lan.sent.length;
    run(15_000);
    const since = lan.sent.slice(before);
    assert.ok(
      since.every(({ message }) => message.type === 'here'),
      `seed ${seed}`,
    );
    assert.equal(since.length, (nodes.length - 1) * 10);
  }
});

test('ELEC-30 REG-7 REG-13: with whatever timers are accepted, members are registered in time, the dead are found, and nobody else is offline', () => {
  const accepted = fc
    .record(
      Object.fromEntries(
        Object.entries(testTiming).map(([timer, ms]) => [
          timer,
          fc.integer({ min: Math.ceil(ms / 3), max: ms * 3 }),
        ]),
      ),
    )
    .map((timers) => ({ ...testTiming, ...timers }))
    .filter((timing) => timingProblems(timing).length === 0);
  fc.assert(
    fc.property(accepted, fc.integer({ min: 1, max: 1000 }), (timing, seed) => {
      const { lan, nodes, elect, run, machine, facts } = createRegistrationLan({ members: 4, seed, timing });
      elect('n001', 1);
      run(timing.retryRandomMs + timing.quietMaxMs + 50);
      assert.ok(nodes.every((node) => machine(node).isRegistered()));
      run(2 * timing.offlineMs);
      const blamed = () =>
        facts('segment-report').some(({ fact }) => fact.report.members.some(({ online }) => !online));
      assert.equal(blamed(), false);
      lan.crash('n004');
      run(1.3 * timing.offlineMs + timing.quietMaxMs);
      assert.equal(blamed(), true);
    }),
    { numRuns: 200 },
  );
});
