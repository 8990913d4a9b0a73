import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaderOf, leadersOf, scriptDistribution } from './testing/scripted-distribution.ts';

test('TREE-22, TREE-2, TREE-65: a chain of three: the CCM begins one, each asks for the next, and when all hold it that is told', () => {
  const { distribution, did, next, held } = scriptDistribution(leadersOf(3));
  assert.deepEqual(did(), ['tells n0 #1000 from CCM']);
  assert.deepEqual(next(1, 'n0'), ['answers n0 none, n1 #1000 from n0']);
  assert.deepEqual(next(2, 'n1'), ['answers n1 none, n2 #1000 from n1']);
  assert.deepEqual(next(3, 'n2'), ['answers n2 none']);
  assert.deepEqual([...held(4, 'n0'), ...held(5, 'n1')], []);
  assert.deepEqual(held(6, 'n2'), ['complete']);
  assert.deepEqual(held(7, 'n2'), []);
  assert.deepEqual(
    distribution.leaders().map(({ node, state, sources }) => [node, state, sources.map((each) => each.node)]),
    [
      ['n0', 'held', [null]],
      ['n1', 'held', ['n0']],
      ['n2', 'held', ['n1']],
    ],
  );
});

test('TREE-24: one that holds all before it asks is told whom to notify', () => {
  const { did, next, held } = scriptDistribution(leadersOf(2));
  did();
  held(1, 'n0');
  assert.deepEqual(next(2, 'n0'), ['answers n0 none, n1 #1000 from n0']);
});

test('TREE-61: who asks again is told the same again, until there is word of them', () => {
  const { did, next } = scriptDistribution(leadersOf(3));
  did();
  next(1, 'n0');
  assert.deepEqual(next(2, 'n0'), ['answers n0 none, n1 #1000 from n0']);
  next(3, 'n1');
  assert.deepEqual(next(4, 'n0'), ['answers n0 none']);
});

test('TREE-62: who gives no sign hears it over its own link, after 5 s, then 10 s', () => {
  const { did, next, wait, say } = scriptDistribution(leadersOf(2));
  did();
  next(1000, 'n0');
  assert.deepEqual(wait(20_000), ['6000 tells n1 #1000 from n0', '16000 tells n1 #1000 from n0']);
  say(20_000, {
    ...{ input: 'state', node: 'n1', state: 'fetching', number: 1000, heldBlocks: 0, figures: [] },
  });
  assert.deepEqual(wait(200_000), []);
});

test('TREE-62: whom a leader did not reach the CCM tells at once, but for whom it was not to notify', () => {
  const { did, next } = scriptDistribution(leadersOf(3));
  did();
  next(1, 'n0');
  assert.deepEqual(next(2, 'n0', 1, ['n1', 'n2', 'nobody']), ['tells n1 #1000 from n0', 'answers n0 none']);
});

test('TREE-62: whom a leader did not reach, and who is away, is not named again', () => {
  const { did, next, say } = scriptDistribution(leadersOf(2));
  did();
  next(1, 'n0');
  say(2, { input: 'leaderGone', segment: 's1', node: 'n1' });
  assert.deepEqual(next(3, 'n0', 16, ['n1']), ['answers n0 none']);
  assert.deepEqual(say(4, { input: 'leader', leader: leaderOf(1) }), ['tells n1 #1000 from n0']);
});

test('TREE-62: who is away hears it when it is back', () => {
  const { did, next, say, wait } = scriptDistribution(leadersOf(2));
  did();
  next(1, 'n0');
  say(2, { input: 'leaderGone', segment: 's1', node: 'n1' });
  assert.deepEqual(wait(100_000), []);
  assert.deepEqual(say(100_000, { input: 'leader', leader: leaderOf(1) }), ['tells n1 #1000 from n0']);
});

test('TREE-95: a leader that follows a higher number than this run of the CCM gives, since its clock was set back, gets its sources under a higher one', () => {
  const { did, say, held } = scriptDistribution(leadersOf(1));
  assert.deepEqual(did(), ['tells n0 #1000 from CCM']);
  const word = {
    input: 'state',
    node: 'n0',
    state: 'fetching',
    number: 5_000,
    heldBlocks: 3,
    figures: [],
  } as const;
  assert.deepEqual(say(1, word), ['tells n0 #5001 from CCM']);
  assert.deepEqual(say(2, { ...word, number: 5_001 }), []);
  assert.deepEqual(say(3, { ...word, number: 6_000 }), ['refuses n0: it names a hand-out that it never had']);
  assert.deepEqual(held(4, 'n0'), ['complete']);
});

test('TREE-60: words of strangers, of more than there is, of hand-outs that never were, and of nothing to serve are refused', () => {
  const { did, next, say } = scriptDistribution(leadersOf(2));
  did();
  const state = {
    input: 'state',
    node: 'n0',
    state: 'fetching',
    number: 0,
    heldBlocks: 0,
    figures: [],
  } as const;
  assert.deepEqual(say(1, { ...state, node: 'x' }), ['refuses x: it has no part in this']);
  say(1, { ...state, number: 1000 });
  assert.deepEqual(say(1, { ...state, number: 1001 }), ['refuses n0: it names a hand-out that it never had']);
  assert.deepEqual(say(1, { ...state, node: 'n1', number: 2 ** 52 }), [
    'refuses n1: it names a hand-out that it never had',
  ]);
  assert.deepEqual(say(1, { ...state, heldBlocks: 402 }), [
    'refuses n0: it says that it holds more than there is',
  ]);
  assert.deepEqual(say(1, { ...state, state: 'held', heldBlocks: 399 }), [
    'refuses n0: what it says that it holds is not all',
  ]);
  assert.deepEqual(next(1, 'n1'), [
    'refuses n1: it asks for the next and has nothing to serve',
    'answers n1 none',
  ]);
  assert.deepEqual(next(1, 'x'), ['refuses x: it has no part in this', 'answers x none']);
});

test('TREE-25, TREE-26: who is behind NAT feeds nobody, and hears it over its own link when nobody waits any more', () => {
  const { did, next } = scriptDistribution([leaderOf(0), leaderOf(1, { place: null }), leaderOf(2)]);
  assert.deepEqual(did(), ['tells n0 #1000 from CCM']);
  assert.deepEqual(next(1, 'n0'), ['answers n0 none, n2 #1000 from n0', 'tells n1 #1000 from n2']);
  assert.deepEqual(next(2, 'n2'), ['answers n2 none']);
  assert.deepEqual(next(3, 'n1'), ['answers n1 none']);
});

test('TREE-25: one whose uplink is far below the middle comes last and only fetches; one that is four times as fast bears two', () => {
  const rates = [1_000_000, 12_500_000, 50_000_000, 12_500_000];
  const leaders = rates.map((rate, index) => leaderOf(index, { upBytesPerSecond: rate }));
  const { did, next } = scriptDistribution(leaders);
  assert.deepEqual(did(), ['tells n1 #1000 from CCM']);
  assert.deepEqual(next(1, 'n1'), ['answers n1 none, n2 #1000 from n1']);
  assert.deepEqual(next(2, 'n2'), ['answers n2 none, n3 #1000 from n2, n0 #1000 from n2']);
  assert.deepEqual(next(3, 'n0'), ['answers n0 none']);
});

test('TREE-24: of those who wait the nearest is next', () => {
  const leaders = [0, 90, 50, 10].map((x, index) =>
    leaderOf(index, { coordinates: { x, y: 0, height: 1 }, delayMs: 1 }),
  );
  const { did, next } = scriptDistribution(leaders);
  did();
  assert.deepEqual(next(1, 'n0'), ['answers n0 none, n3 #1000 from n0']);
});

test('TREE-26: when nobody asks although some wait, the CCM goes on by itself', () => {
  const { did, wait } = scriptDistribution(leadersOf(3));
  did();
  const lines = wait(4900);
  assert.deepEqual(lines, ['3000 tells n1 #1000 from n0', '3000 tells n2 #1000 from n1']);
});

test('TREE-63: one that leads a segment now takes the place of who did; a leader without its link is no new source', () => {
  const { did, next, held, say, wait } = scriptDistribution(leadersOf(2));
  did();
  next(1, 'n0');
  held(2, 'n0');
  say(3, { input: 'leaderGone', segment: 's0', node: 'n0' });
  const other = leaderOf(1, { node: 'other' });
  assert.deepEqual(say(4, { input: 'leader', leader: other }), []);
  assert.deepEqual(wait(1100), ['1004 tells other #1000 from CCM']);
  assert.deepEqual(next(1200, 'n1'), ['refuses n1: it has no part in this', 'answers n1 none']);
  assert.deepEqual(held(1300, 'other'), ['complete']);
});

test('TREE-63: a segment that needs it no more is out', () => {
  const { did, next, held, say } = scriptDistribution(leadersOf(2));
  did();
  next(1, 'n0');
  held(2, 'n0');
  assert.deepEqual(say(3, { input: 'segmentLeft', segment: 's1' }), ['complete']);
});

test('TREE-64: after a restart, who holds is a source at once, who fetches keeps its hand-out, and who waits is fed by those; numbers go on', () => {
  const { did, next, say, wait, lost } = scriptDistribution([]);
  assert.deepEqual(did(), []);
  for (const index of [0, 1, 2]) say(1, { input: 'leader', leader: leaderOf(index) });
  const state = { input: 'state', state: 'held', number: 7, heldBlocks: 400, figures: [] } as const;
  assert.deepEqual(say(2, { ...state, node: 'n0' }), []);
  assert.deepEqual(say(3, { ...state, node: 'n1', state: 'fetching', heldBlocks: 9 }), []);
  assert.deepEqual(wait(1500), ['1001 tells n2 #1000 from n0']);
  assert.deepEqual(next(1600, 'n1'), ['answers n1 none']);
  assert.deepEqual(
    say(1700, {
      ...{
        input: 'sourceLost',
        node: 'n1',
        number: 7,
        source: 'gone',
        trouble: 'unreachable',
        heldBlocks: 9,
      },
    }),
    ['tells n1 #1000 from n0'],
  );
  assert.deepEqual(lost(1800, 'n1', 'x'), ['refuses n1: it names a source that it does not have']);
});

test('TREE-2, TREE-60: what has no blocks, as only files are removed, goes from leader to leader all the same', () => {
  const { did, held, say } = scriptDistribution(leadersOf(100), 0);
  const answers = did().flatMap((line) => {
    const node = line.match(/n\d+/)?.[0] ?? assert.fail();
    held(1, node);
    return say(1, { input: 'next', node, heldBlocks: 0, room: 2, unreached: [] });
  });
  assert.ok(answers.every((line) => line.startsWith('answers')));
  assert.match(answers.at(-1) ?? '', /, n\d+ #1000 from n\d+/);
});
