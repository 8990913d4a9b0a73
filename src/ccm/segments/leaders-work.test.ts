// What accepted leaders may do for their segment, as the gateway is told, and what they say of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentProfile } from '../../model/segment-messages.ts';
import { settledSegment, stateWord } from './testing/segment-fixture.ts';

const release = { epoch: 1, sequence: 4 };

test('LEAD-1 SEG-2: whom the CCM accepts is appointed, its successor after it, and nobody when nobody leads', async () => {
  const { appointed, idOf, report, segments, events } = await settledSegment('web3');
  const id = idOf('web1');
  assert.deepEqual([...appointed], [[id, 'web1']]);
  report('web2', ['web3'], { term: 7 });
  assert.equal(appointed.get(id), 'web1', 'refused');
  segments.disconnected('web1');
  assert.equal(appointed.get(id), 'web2');
  assert.equal(events().at(-1), 'leaderAccepted web2', 'written down before it is appointed');
  segments.disconnected('web2');
  assert.equal(appointed.get(id), null);
  segments.removed('web1');
});

test('LEAD-1 SEG-3: after a start nobody is appointed before it reports', async () => {
  const fixture = await settledSegment();
  fixture.appointed.clear();
  fixture.restarted();
  fixture.connect('web1', 'web2');
  assert.equal(fixture.appointed.size, 0);
  fixture.report('web1', ['web2']);
  assert.deepEqual([...fixture.appointed.values()], ['web1']);
});

test('LINK-42: a node behind its leader may speak of its segment at once, and where the others are its leader tells it', async () => {
  const { segments, clock, told, idOf } = await settledSegment();
  segments.disconnected('web2');
  segments.connected('web2', { profiles: [segmentProfile] }, true);
  const word = stateWord({ segment: idOf('web2'), leader: 'web1', reason: 'behind' });
  assert.doesNotThrow(() => segments.message('web2', word));
  segments.welcomed('web2');
  clock.advance(600);
  assert.deepEqual(told('web2', 'segment').at(-1)?.peers, []);
  assert.deepEqual(
    told('web1', 'segment')
      .at(-1)
      ?.peers.map(({ node }) => node),
    ['web2'],
  );
  const direct = await settledSegment();
  direct.segments.disconnected('web2');
  direct.segments.connected('web2', { profiles: [segmentProfile] });
  assert.throws(() => direct.segments.message('web2', word), { code: 'MESSAGE_INVALID' });
});

test('LEAD-9: rounds and problems are shown, the newest eight; the log has what somebody should look at, 30 a minute', async () => {
  const { segments, registry, clock, events } = await settledSegment('web3');
  registry.sites.create({ name: 'shop' }, 'test');
  const round = { type: 'roundReport', site: 'shop', release, phase: 'staged', working: [] } as const;
  const problem = {
    type: 'leaderProblem',
    site: 'shop',
    assignment: 'a'.repeat(64),
    error: { code: 'SPACE_INSUFFICIENT', message: 'the disk is full', fix: 'make room' },
  } as const;
  segments.leaderSaid('web1', { ...round, reported: 1, missing: [], working: ['web3'] });
  segments.leaderSaid('web1', { ...round, reported: 1, missing: ['web3', 'web9'] });
  segments.leaderSaid('web1', { ...round, site: 'other', reported: 1, missing: ['web3'] });
  segments.leaderSaid('web2', { ...round, reported: 0, missing: ['web1'] });
  const [segment] = segments.list();
  assert.deepEqual(
    segment?.rounds.map(({ leader, reported, missing }) => [leader, reported, missing]),
    [
      ['web1', 1, ['web3']],
      ['web1', 1, []],
    ],
    'of the accepted leader, about nodes of its segment and sites of the CCM',
  );
  const count = (kind: string): number => events().filter((event) => event === `${kind} web1`).length;
  assert.equal(count('roundIncomplete'), 1);
  for (let n = 0; n < 100; n++) segments.leaderSaid('web1', problem);
  assert.equal(count('leaderProblem'), 29);
  clock.advance(60_000);
  segments.leaderSaid('web1', problem);
  assert.equal(count('leaderProblem'), 30);
  assert.equal(segments.list()[0]?.problems.length, 8);
  assert.deepEqual(segments.list()[0]?.problems[0]?.error, problem.error);
});
