import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leadersOf, type ScriptedDistribution, scriptDistribution } from './testing/scripted-distribution.ts';
import { createTreeLab } from './testing/tree-lab.ts';

/** n0 from the CCM, n1 from n0, and so on; all fetch. */
function chainOf(count: number): ScriptedDistribution {
  const script = scriptDistribution(leadersOf(count));
  script.did();
  for (let index = 0; index < count; index += 1) script.next(index, `n${index}`);
  return script;
}

test('TREE-29: who lost its source gets the source of its source; the dead one does not get it back by that', () => {
  const { lost, next } = chainOf(4);
  assert.deepEqual(lost(10, 'n2', 'n1'), ['tells n2 #1001 from n0']);
  assert.deepEqual(lost(11, 'n1', 'n0', 'slow'), ['tells n1 #1001 from CCM']);
  assert.deepEqual(next(12, 'n0'), ['answers n0 none']);
});

test('TREE-29: after the head of a chain the CCM feeds the next', () => {
  const { lost } = chainOf(4);
  assert.deepEqual(lost(10, 'n1', 'n0'), ['tells n1 #1001 from CCM']);
});

test('TREE-28: a source that one found corrupt only that one avoids, after two nobody gets it, and it is told once', () => {
  const { lost, held } = chainOf(5);
  held(9, 'n1');
  assert.deepEqual(lost(10, 'n2', 'n1', 'corrupt'), ['tells n2 #1001 from n0']);
  assert.deepEqual(lost(11, 'n4', 'n3'), ['tells n4 #1001 from n1']);
  assert.deepEqual(lost(12, 'n4', 'n1', 'corrupt'), ['avoids n1: corrupt', 'tells n4 #1002 from n2']);
});

test('TREE-28: one that was not reached feeds nobody new, until it says something', () => {
  const { lost, held } = chainOf(4);
  held(9, 'n1');
  assert.deepEqual(lost(10, 'n2', 'n1'), ['tells n2 #1001 from n0']);
  assert.deepEqual(lost(11, 'n3', 'n2', 'refused'), ['tells n3 #1001 from n0']);
  held(12, 'n1');
  assert.deepEqual(lost(13, 'n3', 'n0', 'refused'), ['tells n3 #1002 from n1']);
});

test('TREE-28: one that reaches nobody is believed of eight others, so that it does not take their sources from all', () => {
  const { did, next, lost, held, wait, distribution } = scriptDistribution(leadersOf(20));
  const sourceOf = (node: string): string | null =>
    distribution.leaders().find((leader) => leader.node === node)?.sources[0]?.node ?? null;
  did();
  for (let index = 0; index < 20; index += 1) next(index, `n${index}`);
  wait(10_000);
  for (let index = 0; index < 18; index += 1) held(10_000, `n${index}`);
  const accused = new Set<string | null>();
  for (let at = 10_000; at < 70_000; at += 1_500) {
    accused.add(sourceOf('n19'));
    lost(at, 'n19', sourceOf('n19'));
    wait(at + 1_400);
  }
  assert.ok(accused.size > 16, `it was given ${accused.size}`);
  const before = sourceOf('n18');
  lost(80_000, 'n18', before, 'refused');
  assert.notEqual(sourceOf('n18'), before);
  assert.notEqual(sourceOf('n18'), null, 'not the CCM');
});

test('TREE-28: those whom one feeds that fails get others at once', () => {
  const { say } = chainOf(3);
  assert.deepEqual(
    say(10, { input: 'state', node: 'n1', state: 'failed', number: 1000, heldBlocks: 4, figures: [] }),
    ['tells n2 #1001 from n0'],
  );
});

test('TREE-28: nobody is accused by one that did not have it as source, nor of what it did not say that it holds', () => {
  const { lost } = chainOf(5);
  assert.deepEqual(lost(10, 'n4', 'n1', 'corrupt'), ['refuses n4: it names a source that it does not have']);
  for (const node of ['n2', 'n3'])
    assert.ok(
      !lost(11, node, `n${Number(node[1]) - 1}`, 'lacks')
        .join()
        .includes('avoids'),
    );
});

test('TREE-28: a slow source is given up for one that has more, not for another one; the second time it is avoided', () => {
  const { lost, held } = chainOf(5);
  held(9, 'n0');
  assert.deepEqual(lost(10, 'n3', 'n2', 'slow'), ['tells n3 #1001 from n0']);
  const { lost: lostAgain } = chainOf(3);
  assert.deepEqual(lostAgain(10, 'n2', 'n1', 'slow'), ['tells n2 #1001 from CCM']);
  assert.deepEqual(lostAgain(11, 'n2', null, 'slow'), []);
});

test('TREE-27: one is never fed by whom it feeds: the last of a chain is no source for the first', () => {
  const { lost, held, say } = chainOf(3);
  held(9, 'n2');
  // It holds all: it depends on nobody.
  assert.deepEqual(lost(10, 'n0', null, 'refused'), ['tells n0 #1001 from n2']);
  say(11, { input: 'state', node: 'n2', state: 'fetching', number: 1000, heldBlocks: 0, figures: [] });
  const { lost: lostAgain, wait } = chainOf(3);
  assert.deepEqual(lostAgain(10, 'n0', null, 'refused'), []);
  assert.deepEqual(wait(1200), ['1010 tells n0 #1001 from CCM']);
});

for (const leaders of [8, 16])
  for (const percent of [10, 50, 90])
    test(`TREE-42: a relay that dies at ${percent} % in a chain of ${leaders} costs one hand-out, no block twice, and nobody else anything`, () => {
      const blocks = 400;
      const lab = createTreeLab({ leaders, blocks, isChain: true });
      const dead = lab.stations.get('n3') ?? assert.fail();
      while (dead.held.size < (blocks * percent) / 100) lab.run(20);
      lab.kill('n3', 60_000);
      const before = lab.words.length;
      lab.run(20_000);
      const given = lab.words
        .slice(before)
        .filter(({ word }) => 'ccm' in word && word.ccm.effect === 'handOut');
      assert.equal(given.length, 1);
      const living = [...lab.stations.values()].filter(({ isAlive }) => isAlive);
      assert.ok(living.every(({ held }) => held.size === blocks));
      const sent = [...lab.sent.values()].reduce((sum, count) => sum + count, 0);
      assert.equal(sent, living.length * blocks + dead.held.size);
      const lost = lab.words.filter(({ word }) => 'leader' in word && word.says.effect === 'sayLost');
      assert.equal(lost.length, 1);
    });

test('TREE-2, TREE-23: forty leaders that nothing happens to cost the CCM two words each, and it answers one', () => {
  const lab = createTreeLab({ leaders: 40, blocks: 400 });
  lab.run(30_000);
  assert.ok(lab.distribution.isComplete);
  const said = lab.words.filter(
    ({ word }) => 'leader' in word && ['sayState', 'askNext', 'sayLost'].includes(word.says.effect),
  );
  assert.equal(said.length, 80);
  const told = lab.words.filter(
    ({ word }) => 'ccm' in word && ['handOut', 'answer'].includes(word.ccm.effect),
  );
  assert.equal(told.length, 42);
  assert.equal(lab.sent.get(null), 400);
});
