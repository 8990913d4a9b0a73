import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ControlMessage } from '../../model/segment.ts';
import { segmentTimings } from '../segment/timing.ts';
import type { Ballot } from './claim.ts';
import type { ElectionInput } from './election-messages.ts';
import {
  plainCandidate,
  plainPriority,
  type ScriptedElection,
  scriptedElection,
} from './testing/scripted-election.ts';

const better = plainPriority + 1;
const worse = plainPriority - 1;

function leading(): ScriptedElection {
  const node = scriptedElection();
  node.pass(1500);
  node.hear('a', 'concede', 1);
  node.pass(1000);
  assert.equal(node.state(), 'leading');
  return node;
}

function following(leader = 'a', term = 5): ScriptedElection {
  const node = scriptedElection();
  node.hear(leader, 'leader-alive', term, better);
  assert.equal(node.state(), 'known');
  return node;
}

test('ELEC-6, ELEC-2: a node listens, then writes its ballot down and claims; answered, it leads', () => {
  const node = scriptedElection();
  assert.deepEqual(node.pass(1200), []);
  assert.deepEqual(node.pass(300), ['durable 1 m', 'leader-claim 1']);
  assert.equal(node.election.status(node.now).priority, plainPriority);
  assert.deepEqual(node.hear('z', 'concede', 1), []);
  assert.deepEqual(node.pass(600), ['leader-alive 1', 'leader m 1']);
  assert.deepEqual(node.pass(1000), ['leader-alive 1', 'leader-alive 1']);
});

test('ELEC-2: what could not be written down is given up, and written in a new term later', () => {
  const node = scriptedElection();
  node.pass(1500);
  assert.equal(node.state(), 'votingOpen');
  assert.deepEqual(node.give({ input: 'persistFailed' }), []);
  assert.equal(node.state(), 'unknown');
  assert.deepEqual(node.pass(300), ['durable 2 m', 'leader-claim 2']);
  const leader = leading();
  assert.deepEqual(leader.give({ input: 'persistFailed' }), ['leader null 1']);
});

test('ELEC-16: a claim ends with a stale LA, since a leader is alive', () => {
  const node = scriptedElection();
  node.pass(1500);
  assert.deepEqual(node.hear('z', 'leader-alive', 0, worse), ['newer-term 1 to z']);
  assert.deepEqual(node.pass(3000), []);
});

test('ELEC-3, ELEC-16: an LA of an older term is not followed; its sender is told, and leads on above that term', () => {
  const node = scriptedElection({ ballot: { term: 9, vote: 'z' } });
  assert.deepEqual(node.hear('a', 'leader-alive', 8, better), ['newer-term 9 to a']);
  assert.equal(node.state(), 'unknown');
  assert.deepEqual(node.hear('a', 'leader-alive', 9, better), ['durable 9 a', 'leader a 9']);
  const leader = leading();
  const raised = ['durable 10 m', 'leader-claim 10', 'leader-alive 10', 'leader m 10'];
  assert.deepEqual(leader.hear('z', 'newer-term', 9), raised);
  assert.deepEqual(leader.hear('z', 'newer-term', 9), []);
});

test('ELEC-16, ELEC-22: who may not lead tells a claimant of an older term, and concedes to any other', () => {
  const node = scriptedElection({
    ballot: { term: 9, vote: 'z' },
    candidate: { ...plainCandidate, role: 'never' },
  });
  assert.deepEqual(node.pass(60_000), []);
  assert.deepEqual(node.hear('z', 'leader-claim', 8, 1), ['newer-term 9 to z']);
  assert.deepEqual(node.hear('z', 'leader-claim', 10, 1), ['durable 10 z', 'concede 10 to z']);
});

test('ELEC-5: a member ignores claims, and follows only a higher leader', () => {
  const node = following('b', 5);
  assert.deepEqual(node.hear('z', 'leader-claim', 9, 10_000), []);
  assert.deepEqual(node.hear('c', 'leader-alive', 5, better), []);
  assert.deepEqual(node.hear('c', 'leader-alive', 4, 10_000), []);
  assert.deepEqual(node.hear('a', 'leader-alive', 5, better), ['durable 5 a', 'leader a 5']);
  assert.deepEqual(node.hear('z', 'leader-alive', 6, 1), ['durable 6 z', 'leader z 6']);
});

test('ELEC-6: a leader is lost after lostMs without an LA, and claims come after it', () => {
  const node = following();
  node.pass(2000);
  node.hear('a', 'leader-alive', 5, better);
  assert.deepEqual(node.pass(2999), []);
  assert.deepEqual(node.pass(1), ['leader null 5']);
  assert.deepEqual(node.pass(400), ['durable 6 m', 'leader-claim 6']);
});

test('ELEC-6: LAs that are stale, or of a lesser leader, hold claims back as well', () => {
  const stale = scriptedElection({ ballot: { term: 9, vote: 'z' } });
  stale.pass(1000);
  stale.hear('a', 'leader-alive', 8, better);
  assert.deepEqual(stale.pass(3000), []);
  assert.deepEqual(stale.pass(300), ['durable 10 m', 'leader-claim 10']);
  const lesser = following('a', 5);
  lesser.pass(2500);
  lesser.hear('b', 'leader-alive', 5, worse);
  assert.deepEqual(lesser.pass(3000), ['leader null 5']);
  assert.deepEqual(lesser.pass(300), ['durable 6 m', 'leader-claim 6']);
});

test('ELEC-6: who may have led a moment ago listens as long as the others do', () => {
  const node = scriptedElection({ ballot: { term: 3, vote: 'm' } });
  assert.deepEqual(node.pass(segmentTimings.fast.triggerMinMs), []);
  assert.deepEqual(node.pass(200), ['durable 4 m', 'leader-claim 4'], 'and claims soonest (ELEC-23)');
});

test('ELEC-7: a better claim is conceded to from unknown, voting open and conceding; then an LA is waited for', () => {
  const node = scriptedElection();
  node.pass(1500);
  assert.deepEqual(node.hear('a', 'leader-claim', 1, plainPriority), ['durable 1 a', 'concede 1 to a']);
  assert.deepEqual(node.hear('b', 'leader-claim', 1, plainPriority), [], 'worse than the one it stands for');
  assert.deepEqual(node.hear('b', 'leader-claim', 1, better), ['durable 1 b', 'concede 1 to b']);
  assert.deepEqual(node.hear('b', 'leader-claim', 1, better), ['concede 1 to b'], 'b has not heard it');
  node.pass(1499);
  assert.equal(node.state(), 'conceding');
  node.pass(1);
  assert.equal(node.state(), 'unknown');
  assert.deepEqual(node.hear('b', 'leader-alive', 1, better), ['leader b 1']);
});

test('ELEC-8: an unanswered claim is made again as it was; after conceding, in a new term', () => {
  const node = scriptedElection();
  node.pass(1500);
  node.pass(700);
  assert.equal(node.state(), 'unknown');
  assert.deepEqual(node.pass(200), ['leader-claim 1']);
  node.hear('a', 'leader-claim', 1, better);
  assert.deepEqual(node.pass(1850), ['durable 2 m', 'leader-claim 2']);
});

test('ELEC-9: a worse claim is answered at once: by a claim, by a claimant, and by a leader that goes on leading', () => {
  const node = scriptedElection({ ballot: { term: 4, vote: 'z' } });
  node.pass(1200);
  assert.deepEqual(node.hear('z', 'leader-claim', 7, worse), ['durable 7 m', 'leader-claim 7']);
  assert.deepEqual(node.hear('y', 'leader-claim', 7, worse), [], 'said this very moment');
  assert.deepEqual(node.pass(75), ['leader-claim 7']);
  assert.deepEqual(node.hear('z', 'leader-claim', 9, worse), ['durable 9 m', 'leader-claim 9']);
  const leader = leading();
  leader.hear('z', 'leader-claim', 1, worse);
  assert.deepEqual(leader.pass(0), ['leader-claim 1']);
  const raised = ['durable 4 m', 'leader-claim 4', 'leader-alive 4', 'leader m 4'];
  assert.deepEqual(leader.hear('z', 'leader-claim', 3, worse), raised);
  assert.equal(leader.state(), 'leading');
});

test('ELEC-13: what a rival asks of its member, and what comes late from a former term, keeps no leader in office', () => {
  const words: readonly ControlMessage[] = [
    { type: 'solicit', term: 1, nodes: ['m'] },
    { type: 'concede', term: 0 },
    { type: 'member-list', term: 1, list: 1, part: 0, parts: 1, members: [] },
    { type: 'here', term: 0, list: 1, offer: { maintenance: false, freeBytes: 1, load: 1 } },
  ];
  for (const message of words) {
    const node = leading();
    for (let second = 0; second < 5; second += 1) {
      node.pass(1000);
      node.give({ input: 'message', from: 'z', message });
    }
    assert.ok(node.pass(1500).includes('resign 1'), message.type);
  }
});

test('ELEC-10, ELEC-11: who is not answered does not lead, says so, and claims rarely; alone, it leads', () => {
  const node = scriptedElection();
  const lines = node.pass(10_000);
  const fourTimes = Array.from({ length: 4 }, () => 'leader-claim 1');
  const windows = Array.from({ length: 5 }, () => fourTimes).flat();
  assert.deepEqual(lines, ['durable 1 m', ...windows, 'deaf']);
  assert.deepEqual(node.pass(7000), fourTimes);
  const alone = scriptedElection({ others: 0 });
  assert.deepEqual(alone.pass(2200), ['durable 1 m', ...fourTimes, 'leader-alive 1', 'leader m 1']);
});

test('ELEC-11: who hears others and is not heard says that', () => {
  const node = scriptedElection({ ballot: { term: 4, vote: 'z' } });
  node.pass(2000);
  node.hear('z', 'leader-claim', 3, worse);
  assert.ok(node.pass(10_000).includes('unheard'));
});

test('ELEC-13: a leader to whom nobody speaks resigns, unless nobody else is there', () => {
  const node = leading();
  node.pass(4000);
  node.hear('z', 'here', 1);
  assert.ok(!node.pass(5900).includes('resign 1'));
  assert.ok(node.pass(600).includes('resign 1'));
  assert.equal(node.state(), 'unknown');
  const alone = scriptedElection({ others: 0 });
  assert.ok(!alone.pass(60_000).includes('resign 1'));
  assert.equal(alone.state(), 'leading');
  alone.give({ input: 'others', others: 3 });
  assert.ok(!alone.pass(5900).includes('resign 1'), 'the others have just come');
});

test('ELEC-14: a leader that hears another votes and goes on leading; the better one is followed', () => {
  const node = leading();
  const contest = ['durable 2 m', 'leader-claim 2', 'leader-alive 2', 'leader m 2'];
  assert.deepEqual(node.hear('z', 'leader-alive', 1, 1), contest);
  assert.equal(node.state(), 'votingOpen');
  assert.deepEqual(node.pass(600), ['leader-alive 2', 'leader-alive 2'], 'nobody better came');
  assert.equal(node.state(), 'leading');
  assert.deepEqual(node.hear('z', 'leader-claim', 3, 10_000).slice(0, 2), ['durable 3 m', 'leader-claim 3']);
  assert.deepEqual(node.hear('z', 'leader-alive', 2, 10_000), [], 'stale: answered in a moment');
  assert.deepEqual(node.hear('z', 'leader-alive', 3, 10_000), ['durable 3 z', 'leader z 3']);
});

test('ELEC-15: of two leaders the one that the CCM accepts goes on, better or not', () => {
  const rival = (type: 'leader-alive' | 'leader-claim', priority: number, term: number, accepted: boolean) =>
    ({
      ...{ input: 'message', from: 'z' },
      message: { type, term, priority, accepted, list: 0, revocations: 0, move: null },
    }) as ElectionInput;
  const accepted = leading();
  accepted.give({ input: 'accepted', leader: 'm' });
  assert.equal(accepted.give(rival('leader-alive', 10_000, 1, false))[1], 'leader-claim 2');
  assert.deepEqual(accepted.give(rival('leader-alive', 10_000, 2, false)), [], 'answered in a moment');
  assert.equal(accepted.state(), 'votingOpen');
  accepted.give({ input: 'accepted', leader: null });
  const lost = accepted.give(rival('leader-alive', 10_000, 2, false));
  assert.deepEqual(lost, ['durable 2 z', 'leader z 2']);

  const refused = leading();
  assert.deepEqual(refused.give(rival('leader-alive', 1, 0, true)), ['newer-term 1 to z']);
  assert.deepEqual(refused.give(rival('leader-claim', 1, 0, true)), ['newer-term 1 to z']);
  assert.deepEqual(refused.give(rival('leader-claim', 1, 2, true)), [], 'it waits for the LA');
  assert.equal(refused.hear('y', 'leader-alive', 1, 1)[0], 'durable 2 m', 'others are met as ever');
  assert.deepEqual(refused.give(rival('leader-alive', 1, 2, true)), ['durable 2 z', 'leader z 2']);

  const both = leading();
  both.give({ input: 'accepted', leader: 'm' });
  const contest = both.give(rival('leader-alive', 1, 1, true));
  assert.equal(contest[1], 'leader-claim 2', 'one of them is not up to date: the better goes on');
});

test('ELEC-17: after a pause a node listens first: no leader is lost, nobody claims', () => {
  const member = following();
  assert.deepEqual(member.freeze(10_000), []);
  assert.equal(member.state(), 'known');
  assert.deepEqual(member.hear('a', 'leader-alive', 5, better), []);
  assert.deepEqual(member.pass(2900), []);
  const briefly = following();
  briefly.freeze(1100);
  briefly.pass(1899);
  assert.equal(briefly.state(), 'known', 'a leader is not lost sooner for it');
  briefly.pass(1);
  assert.equal(briefly.state(), 'unknown');
  const almostDue = scriptedElection();
  almostDue.freeze(1458);
  assert.equal(almostDue.state(), 'unknown', 'its own timer was not late');
  assert.deepEqual(almostDue.pass(499), []);
  const candidate = scriptedElection();
  assert.deepEqual(candidate.freeze(5000), []);
  assert.deepEqual(candidate.hear('a', 'leader-alive', 5, 1), ['durable 5 a', 'leader a 5']);
});

test('ELEC-17: a leader that slept shorter than it takes to lose it says LA at once; after more it leads no longer', () => {
  const short = leading();
  assert.deepEqual(short.freeze(2000), ['leader-alive 1']);
  const long = leading();
  assert.deepEqual(long.freeze(3000), ['leader null 1']);
  assert.deepEqual(long.pass(499), []);
  assert.deepEqual(long.hear('z', 'leader-alive', 2, 1), ['durable 2 z', 'leader z 2']);
});

test('ELEC-19: resign and leave of a leader end following it; a leader that may not lead any more resigns', () => {
  for (const word of ['resign', 'leave'] as const) {
    const node = following();
    assert.deepEqual(node.hear('z', word, 5), []);
    assert.deepEqual(node.hear('a', word, 5), ['leader null 5']);
    assert.deepEqual(node.pass(2999), [], 'no claim sooner than after the last LA (ELEC-6)');
    assert.deepEqual(node.pass(400), ['durable 6 m', 'leader-claim 6']);
  }
  const leader = leading();
  const excluded = leader.give({ input: 'candidate', candidate: { ...plainCandidate, role: 'never' } });
  assert.deepEqual(excluded, ['resign 1', 'leader null 1']);
  assert.deepEqual(leader.pass(60_000), []);
  assert.deepEqual(leading().give({ input: 'resign' }), ['resign 1', 'leader null 1']);
});

test('ELEC-19: while its interface is down a node neither leads nor claims; then it listens as at its start', () => {
  const node = leading();
  assert.deepEqual(node.give({ input: 'network', up: true }), [], 'no news');
  assert.equal(node.state(), 'leading');
  assert.deepEqual(node.give({ input: 'network', up: false }), ['leader null 1']);
  assert.deepEqual(node.pass(60_000), []);
  node.give({ input: 'network', up: true });
  assert.deepEqual(node.pass(1200), []);
  assert.deepEqual(node.pass(200), ['durable 2 m', 'leader-claim 2']);
});

test('two nodes with one name: what comes from the own name is nobody', () => {
  const node = leading();
  assert.deepEqual(node.hear('m', 'leader-alive', 9, 10_000), []);
  assert.equal(node.state(), 'leading');
});

// Whatever is heard, in whatever order.

interface Heard {
  readonly afterMs: number;
  readonly from: string;
  readonly type: ControlMessage['type'];
  readonly term: number;
  readonly priority: number;
}

const heard: fc.Arbitrary<Heard> = fc.record({
  afterMs: fc.nat(4000),
  from: fc.constantFrom('a', 'b', 'z'),
  type: fc.constantFrom<ControlMessage['type'][]>(
    'leader-alive',
    'leader-claim',
    'concede',
    'newer-term',
    'resign',
    'leave',
    'here',
  ),
  term: fc.nat(12),
  priority: fc.constantFrom(1, worse, plainPriority, better, 10_000),
});

/** One life of the node: what it claims and says as a leader, each behind its ballot, and when it heard LAs that
 * are not stale. */
function live(ballot: Ballot, words: readonly Heard[]) {
  const node = scriptedElection({ ballot });
  const alive: number[] = [];
  for (const { afterMs, from, type, term, priority } of words) {
    node.pass(afterMs);
    if (type === 'leader-alive' && term >= node.election.status(node.now).term) alive.push(node.now);
    node.hear(from, type, term, priority);
  }
  node.pass(10_000);
  let durable = ballot;
  let leader = '';
  const said = node.lines.flatMap(({ at, line }) => {
    const [type = '', word = '', vote = null] = line.split(' ');
    const term = Number(word);
    if (type === 'durable') {
      assert.ok(term >= durable.term, 'a ballot goes back');
      durable = { term, vote };
    }
    if (type === 'leader') leader = word;
    if (!type.startsWith('leader-')) return [];
    assert.deepEqual(durable, { term, vote: 'm' }, `ELEC-2: ${line}`);
    return [{ at, type, term, leads: leader === 'm' }];
  });
  return { said, alive, durable };
}

test('ELEC-2, ELEC-8: over two lives and whatever is heard, nothing is said before it is durable, and no term is claimed twice', () => {
  fc.assert(
    fc.property(fc.array(heard), fc.array(heard), (before, after) => {
      const first = live({ term: 0, vote: null }, before);
      const second = live(first.durable, after);
      const terms = new Set(first.said.map(({ term }) => term));
      for (const { term } of second.said) assert.ok(!terms.has(term), `term ${term} again`);
    }),
    { numRuns: 300 },
  );
});

test('ELEC-6: who does not lead claims no sooner than triggerMinMs after an LA, whatever is heard', () => {
  fc.assert(
    fc.property(fc.array(heard), (words) => {
      const { said, alive } = live({ term: 0, vote: null }, words);
      for (const { at, type, leads } of said) {
        if (type !== 'leader-claim' || leads) continue;
        const last = alive.findLast((each) => each < at) ?? Number.NEGATIVE_INFINITY;
        assert.ok(at - last >= segmentTimings.fast.triggerMinMs, `${at - last} ms after an LA`);
      }
    }),
    { numRuns: 300 },
  );
});
