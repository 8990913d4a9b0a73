// Who takes part in the tree, which words of leaders count, and when it ends; leaders and nodes are the test's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobOf } from '../api/testing/service-double.ts';
import { blocks, ccm, release, treeFixture, work } from './testing/tree-fixture.ts';
import { treeResource } from './tree-resource.ts';

const types = (sent: readonly { readonly message: { readonly type: string } }[]): string[] =>
  sent.map(({ message }) => message.type);

test('TREE-91: leaders that know of the tree, with their members or alone, are told to expect it, then the first is handed out to', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1', { members: ['m1', 'm2'] });
  fixture.lead('l2');
  fixture.lead('old-leader', { members: ['m3'], profiles: ['leader-1'] });
  fixture.trees.expect(work, ['m1', 'm2', 'l1', 'l2', 'm3', 'old-leader', 'direct']);
  const { sent } = fixture;
  assert.deepEqual(new Set(sent.map(({ node }) => node)), new Set(['l1', 'l2']));
  const { site, id: assignment, manifestBytes, dataBytes } = work;
  for (const node of ['l1', 'l2'])
    assert.deepEqual(fixture.told(node, 'treeExpect'), [
      { type: 'treeExpect', ccm, site, assignment, manifestBytes, dataBytes },
    ]);
  assert.deepEqual(types(sent).slice(0, 2), ['treeExpect', 'treeExpect'], 'before any hand-out');
  const first = fixture.handOut('l1');
  assert.ok(first !== undefined);
  assert.deepEqual([first.ccm, first.job, first.site], [ccm, 'shop@1-7', 'shop']);
  assert.deepEqual(first.sources, [{ part: 0, parts: 1, node: null, address: null, port: null }]);
  assert.ok(first.expiresAt > fixture.clock.now());
});

test('TREE-91: nobody takes part when the tree is switched off, or where no leader knows of it', async () => {
  const off = await treeFixture();
  off.lead('l1', { members: ['m1'] });
  off.restarted(false);
  off.trees.expect(work, ['m1', 'l1']);
  assert.deepEqual(off.sent, []);
  const none = await treeFixture();
  none.lead('l1', { members: ['m1'], profiles: ['leader-1'] });
  none.trees.expect(work, ['m1', 'l1', 'direct']);
  assert.deepEqual([none.sent, none.trees.ofRelease('shop', release)], [[], []]);
});

test('R6.2 TREE-92: a leader that asks is told whom to notify and where; a leader that nobody reaches is told over its own link', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  fixture.lead('l2');
  fixture.lead('hidden', { hasPlace: false });
  fixture.trees.expect(work, ['l1', 'l2', 'hidden']);
  const firsts = ['l1', 'l2', 'hidden'].filter((node) => fixture.told(node, 'handOut').length > 0);
  assert.ok(firsts.includes('l1'));
  fixture.state('l1');
  fixture.next('l1');
  const [answer] = fixture.told('l1', 'treeNextAnswer');
  assert.ok(answer !== undefined);
  for (const { node, address, port, handOut } of answer.next) {
    const place = fixture.reports.get(node)?.members[0];
    assert.deepEqual({ address, port }, { address: place?.address, port: place?.port });
    assert.equal(handOut.node, node);
  }
  assert.ok(!answer.next.some(({ node }) => node === 'hidden'));
  // Everybody ends with it, whoever brings the hand-out.
  for (let round = 0; round < 20; round += 1) {
    for (const node of ['l1', 'l2', 'hidden']) {
      if (fixture.handOut(node) === undefined) continue;
      fixture.state(node, { state: 'held' });
      fixture.next(node, { heldBlocks: blocks });
    }
    fixture.clock.advance(2_000);
  }
  for (const source of fixture.handOut('hidden')?.sources ?? []) assert.notEqual(source.node, 'hidden');
  assert.ok(fixture.told('hidden', 'handOut').length > 0);
  const [run] = fixture.trees.ofRelease('shop', release);
  assert.ok(run?.completedAt != null);
});

test('TREE-93: words that count for nothing change nothing, and are in the log once', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1', { members: ['m1'] });
  fixture.lead('stranger');
  fixture.trees.expect(work, ['m1', 'l1']);
  const before = fixture.sent.length;
  for (let repeat = 0; repeat < 3; repeat += 1) {
    fixture.state('m1', { state: 'held' });
    fixture.next('m1');
    fixture.lost('direct');
    fixture.state('l1', { state: 'held', ccm: 'd'.repeat(32) });
  }
  assert.equal(fixture.sent.length, before);
  assert.equal(fixture.warnings.length, 4);
  const [run] = fixture.trees.ofRelease('shop', release);
  assert.deepEqual(run?.completedAt, null);
});

test('TREE-93: who has no part in it is told so, but not in the first half minute of its session', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  fixture.lead('stranger');
  fixture.trees.expect(work, ['l1']);
  const other = 'b'.repeat(64);
  for (const assignment of [work.id, other]) {
    fixture.next('stranger', { assignment });
    fixture.lost('stranger', { assignment });
    fixture.state('stranger', { assignment });
  }
  assert.deepEqual(fixture.told('stranger', 'treeNextAnswer'), [], 'its CCM may have been started anew');
  fixture.clock.advance(30_000);
  for (const assignment of [work.id, other]) {
    fixture.next('stranger', { assignment });
    fixture.lost('stranger', { assignment });
    fixture.state('stranger', { assignment });
  }
  const none = { type: 'treeNextAnswer', ccm, next: [], more: 'none' };
  assert.deepEqual(fixture.told('stranger', 'treeNextAnswer'), [
    { ...none, assignment: work.id },
    { ...none, assignment: other },
  ]);
  assert.equal(fixture.told('stranger', 'treeEnd').length, 2);
  assert.deepEqual(fixture.told('stranger', 'handOut'), []);
});

test('TREE-94: a leader that is back goes on and is told again; the next leader of its segment is, with the first delivery behind it', async () => {
  const fixture = await treeFixture();
  const segment = fixture.lead('l1', { members: ['m1', 'm2'] });
  fixture.trees.expect(work, ['m1', 'm2', 'l1']);
  const number = fixture.handOut('l1')?.number ?? 0;
  fixture.state('l1', { heldBlocks: 10 });
  fixture.trees.expect(work, ['m1']);
  assert.equal(fixture.told('l1', 'treeExpect').length, 1, 'once in a session');
  fixture.lose('l1');
  fixture.state('l1', { state: 'held' });
  assert.equal(fixture.trees.ofRelease('shop', release)[0]?.completedAt, null, 'no session, no word');
  fixture.lead('l1', { segment, members: ['m1', 'm2'] });
  assert.equal(fixture.told('l1', 'treeExpect').length, 2);
  fixture.state('l1', { heldBlocks: 20, number });
  assert.equal(fixture.trees.ofRelease('shop', release)[0]?.shown()[0]?.heldBlocks, 20);

  fixture.lose('l1');
  fixture.lead('m1', { segment, members: ['m2'] });
  assert.deepEqual(fixture.told('m1', 'treeExpect'), []);
  fixture.trees.expect(work, ['m2']);
  assert.equal(fixture.told('m1', 'treeExpect').length, 1);
  fixture.clock.advance(5_000);
  assert.ok(fixture.handOut('m1') !== undefined);
  fixture.state('m1', { state: 'held' });
  const [shown, ...more] = fixture.trees.ofRelease('shop', release)[0]?.shown() ?? [];
  assert.deepEqual([shown?.node, shown?.state, more], ['m1', 'held', []]);
  assert.ok(fixture.trees.ofRelease('shop', release)[0]?.completedAt !== null);
});

test('TREE-91: a node whose segment was led and is not now is waited for; others are not', async () => {
  const fixture = await treeFixture();
  const { trees } = fixture;
  const segment = fixture.lead('l1', { members: ['m1'] });
  const tree1 = ['tree-1'];
  trees.connected('m1', tree1);
  assert.equal(trees.coming.isComing('m1'), false, 'somebody leads it');
  fixture.lose('l1');
  trees.connected('m1', tree1);
  trees.connected('direct', tree1);
  assert.deepEqual([trees.coming.isComing('m1'), trees.coming.isComing('direct')], [true, false]);
  const ran: string[] = [];
  trees.coming.hold('m1', () => ran.push(fixture.told('m1', 'treeExpect').length > 0 ? 'told' : 'led'));
  fixture.lead('m1', { segment });
  assert.deepEqual([ran, trees.coming.isComing('m1')], [['led'], false]);
  fixture.lose('m1');
  fixture.restarted(false);
  fixture.trees.connected('m1', tree1);
  assert.equal(fixture.trees.coming.isComing('m1'), false, 'without the tree');
});

test('TREE-92: a leader that two others did not reach has no place in the next distribution, until it is back', async () => {
  const fixture = await treeFixture();
  const segment = fixture.lead('l1');
  for (const node of ['l2', 'l3', 'l4']) fixture.lead(node);
  const all = ['l1', 'l2', 'l3', 'l4'];
  const placesGiven = (id: string): boolean => {
    fixture.trees.expect({ ...work, id, site: `site-${id[0]}`, manifestBytes: 1, dataBytes: 9e8 }, all);
    const said = (node: string, type: 'treeState' | 'treeNext', more: object): void =>
      fixture.trees.said(node, { type, ccm, assignment: id, ...more } as never);
    for (let round = 0; round < 20; round += 1) {
      for (const node of all) {
        said(node, 'treeState', {
          state: 'fetching',
          number: 0,
          blocks: 6_867,
          heldBlocks: 9,
          figures: [],
          error: null,
        });
        said(node, 'treeNext', { heldBlocks: 9, room: 1, unreached: [] });
      }
      fixture.clock.advance(1_000);
    }
    const run = fixture.trees.ofRelease(`site-${id[0]}`, release)[0];
    return run?.shown().some(({ sources }) => sources.some(({ node }) => node === 'l1')) === true;
  };
  assert.equal(placesGiven('d'.repeat(64)), true);
  const places = fixture.places();
  for (const by of ['l2', 'l3']) places.unreached('l1', by);
  assert.equal(placesGiven('e'.repeat(64)), false);
  fixture.lose('l1');
  fixture.lead('l1', { segment });
  assert.equal(placesGiven('f'.repeat(64)), true);
});

test('TREE-94: an abort, a newer release, and a removed node end it for whom it was; who holds it is told nothing', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1', { members: ['m1'] });
  fixture.lead('l2');
  fixture.lead('l3');
  const { trees } = fixture;
  trees.expect(work, ['m1', 'l2', 'l3']);
  trees.leave('shop', { epoch: 1, sequence: 6 }, ['m1']);
  trees.leave('other', release, ['m1']);
  assert.deepEqual(types(fixture.sent).includes('treeEnd'), false, 'none of it');
  trees.leave('shop', release, ['m1']);
  assert.deepEqual(fixture.told('l1', 'treeEnd'), [{ type: 'treeEnd', ccm, assignment: work.id }]);
  trees.removed('l3');
  assert.equal(fixture.told('l3', 'treeEnd').length, 1);
  fixture.clock.advance(20_000);
  if (fixture.handOut('l2') === undefined) fixture.clock.advance(20_000);
  fixture.state('l2', { state: 'held' });
  const newer = { ...work, id: 'e'.repeat(64), release: { epoch: 1, sequence: 8 } };
  trees.expect(newer, ['m1', 'l2']);
  assert.deepEqual(fixture.told('l2', 'treeEnd'), []);
  assert.equal(trees.ofRelease('shop', release)[0]?.isOver, true, 'it is kept to be shown');
  fixture.clock.advance(30_000);
  fixture.next('l2', { heldBlocks: blocks });
  assert.deepEqual(fixture.told('l2', 'treeNextAnswer').at(-1)?.more, 'none');
});

test('TREE-94: a newer release that rides in messages ends it as well; who leads no more is told nothing', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1', { members: ['m1'] });
  fixture.lead('l2');
  fixture.trees.expect(work, ['l1', 'm1', 'l2']);
  fixture.lose('l2');
  fixture.trees.supersede('shop', release, ['l1', 'm1', 'l2']);
  fixture.trees.supersede('shop', { epoch: 1, sequence: 8 }, ['l1']);
  const [run] = fixture.trees.ofRelease('shop', release);
  assert.deepEqual([run?.isOver, fixture.told('l1', 'treeEnd')], [false, []]);
  fixture.trees.supersede('shop', { epoch: 1, sequence: 8 }, ['m1', 'l2']);
  assert.equal(run?.isOver, true);
  assert.deepEqual([fixture.told('l1', 'treeEnd').length, fixture.told('l2', 'treeEnd').length], [1, 0]);
});

test('TREE-94: a node that comes behind another leader is that one’s, and its former leader needs it no more', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1', { members: ['m1'] });
  fixture.trees.expect(work, ['m1']);
  fixture.lead('l2', { members: ['m1'] });
  fixture.trees.expect(work, ['m1']);
  assert.equal(fixture.told('l1', 'treeEnd').length, 1);
  assert.equal(fixture.told('l2', 'treeExpect').length, 1);
  const wanted = fixture.trees
    .ofRelease('shop', release)[0]
    ?.shown()
    .map(({ node, nodes }) => [node, [...nodes]]);
  assert.deepEqual(wanted, [['l2', ['m1']]]);
});

test('TREE-96: who fed whom stays to be seen when everybody has it', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  fixture.lead('l2');
  fixture.trees.expect(work, ['l1', 'l2']);
  fixture.next('l1');
  for (const node of ['l1', 'l2']) fixture.state(node, { state: 'held' });
  const [run] = fixture.trees.ofRelease('shop', release);
  assert.ok(run !== undefined && run.completedAt !== null);
  const job = jobOf({ id: 'j1', site: 'shop', release });
  const { assignments } = treeResource(job, [run], (id) => `hall ${id.at(-1)}`);
  assert.deepEqual(
    assignments[0]?.leaders.map(({ node, segment, sources, children }) => [
      `${node} in ${segment}`,
      sources.map((source) => source.node),
      children,
    ]),
    [
      ['l1 in hall 1', [null], ['l2']],
      ['l2 in hall 2', ['l1'], []],
    ],
  );
});

test('TREE-60: sealed and plain data may end with a short block each, which is one more than their sizes tell', async () => {
  for (const [more, isHeld] of [
    [0, true],
    [1, true],
    [2, false],
    [-1, false],
  ] as const) {
    const fixture = await treeFixture();
    fixture.lead('l1');
    fixture.trees.expect(work, ['l1']);
    fixture.state('l1', { state: 'held', blocks: blocks + more, heldBlocks: blocks + more });
    const [run] = fixture.trees.ofRelease('shop', release);
    assert.equal(run?.completedAt !== null, isHeld, String(more));
  }
});

test('TREE-95: after a start of the CCM numbers go on above the former ones, and what leaders say they have is taken', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  fixture.trees.expect(work, ['l1']);
  const before = fixture.handOut('l1')?.number ?? Number.POSITIVE_INFINITY;
  fixture.state('l1', { heldBlocks: 40 });
  fixture.restarted();
  fixture.clock.advance(1);
  fixture.state('l1', { heldBlocks: 40, number: before });
  fixture.trees.expect(work, ['l1']);
  assert.ok((fixture.handOut('l1')?.number ?? 0) > before);
  fixture.state('l1', { heldBlocks: 40, number: before });
  assert.equal(fixture.trees.ofRelease('shop', release)[0]?.shown()[0]?.heldBlocks, 40);
  fixture.state('l1', { state: 'held', number: before });
  assert.ok(fixture.trees.ofRelease('shop', release)[0]?.completedAt !== null);
});

test('TREE-96: of those that came to their end the last 64 are kept', async () => {
  const fixture = await treeFixture();
  fixture.lead('l1');
  for (let index = 0; index < 70; index += 1) {
    const id = String(index).padStart(64, '0');
    fixture.trees.expect({ ...work, id, site: `site-${index}` }, ['l1']);
    fixture.state('l1', { state: 'held', assignment: id });
    fixture.clock.advance(1);
  }
  const kept = Array.from(
    { length: 70 },
    (_, index) => fixture.trees.ofRelease(`site-${index}`, release).length,
  );
  assert.equal(kept.lastIndexOf(0), 4);
  assert.equal(
    kept.filter((count) => count === 1).length,
    65,
    'and one that was under way when the last began',
  );
});

test('TREE-96: of those of very many nodes fewer are kept', async () => {
  const fixture = await treeFixture();
  const members = Array.from({ length: 110_000 }, (_, index) => `m${index}`);
  fixture.lead('l1', { members });
  const kept = (): number[] =>
    [1, 2, 3].map((index) => fixture.trees.ofRelease(`site-${index}`, release).length);
  for (const [index, nodes] of [members, members, ['l1']].entries()) {
    const id = String(index).padStart(64, '0');
    fixture.trees.expect({ ...work, id, site: `site-${index + 1}` }, nodes);
    fixture.state('l1', { state: 'held', assignment: id });
  }
  assert.deepEqual(kept(), [0, 1, 1]);
});

test('TREE-91: small assignments ride in messages, unless they are too many for the CCM’s uplink', async () => {
  const fixture = await treeFixture();
  const nodes = Array.from({ length: 3_000 }, (_, index) => `n${index}`);
  assert.equal(fixture.trees.isTooMuchAtOnce(65_536, nodes), false, 'no leaders at all');
  for (const node of nodes.slice(0, 1_500)) fixture.lead(node);
  assert.equal(fixture.trees.isTooMuchAtOnce(65_536, nodes), false, '98 MB');
  for (const node of nodes.slice(1_500)) fixture.lead(node);
  assert.equal(fixture.trees.isTooMuchAtOnce(65_536, nodes), true, '197 MB');
  assert.equal(fixture.trees.isTooMuchAtOnce(20_000, nodes), false, '60 MB');
});

test('TREE-97: 10,000 leaders that ask at once are answered with bounded work, and all of them come to have it', async (t) => {
  const fixture = await treeFixture();
  const leaders = Array.from({ length: 10_000 }, (_, index) => `n${String(index).padStart(5, '0')}`);
  for (const leader of leaders) fixture.lead(leader);
  fixture.trees.expect(work, leaders);
  const given = new Set<string>();
  const asking = fixture.sent.flatMap(({ node, message }) => (message.type === 'handOut' ? [node] : []));
  const startedAt = performance.now();
  for (let index = 0; index < asking.length; index += 1) {
    const node = asking[index] as string;
    given.add(node);
    const from = fixture.sent.length;
    fixture.trees.said(node, {
      ...{ type: 'treeNext', ccm, assignment: work.id, heldBlocks: 1, room: 4, unreached: [] },
    });
    assert.ok(fixture.sent.length - from <= 16, 'bounded words for each');
    for (const { message } of fixture.sent.slice(from)) {
      if (message.type === 'treeNextAnswer') asking.push(...message.next.map((next) => next.node));
      if (message.type === 'handOut') asking.push(message.handOut.node);
    }
  }
  t.diagnostic(`${given.size} asked and answered in ${Math.round(performance.now() - startedAt)} ms`);
  assert.equal(given.size, leaders.length);
});
