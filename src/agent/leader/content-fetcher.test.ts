import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { until } from '../../plugins/testing/until.ts';
import { runScriptedSource } from '../tree/testing/scripted-source.ts';
import { heldAnswer } from './ask-held.ts';
import { createContentFetcher, shareOut } from './content-fetcher.ts';
import type { BlockIntake } from './content-supply.ts';
import { kitAssignment, kitTicket, runKitCcm } from './testing/kit-ccm.ts';

const holder = (node: string, has: (index: number) => boolean) => ({
  holder: { node, address: '127.0.0.1', port: 1 },
  has,
});
const all = Array.from({ length: 300 }, (_, index) => index);

test('LEAD-35: each block is asked of one that holds it, in runs, of all about as much; what nobody holds of nobody', () => {
  const shares = shareOut(all, [
    holder('a', (index) => index < 250),
    holder('b', (index) => index < 250),
    holder('c', (index) => index >= 100 && index < 260),
    holder('d', () => false),
  ]);
  assert.deepEqual(
    shares.flatMap(({ indexes }) => indexes).sort((a, b) => a - b),
    all.slice(0, 260),
  );
  for (const { holder: of, indexes } of shares) {
    assert.ok(indexes.every((index) => of.node !== 'c' || index >= 100));
    assert.ok(indexes.length >= 60 && indexes.length <= 130, `${of.node}: ${indexes.length}`);
    const runs = indexes.filter((index, at) => at === 0 || indexes[at - 1] !== index - 1).length;
    assert.ok(runs <= 3, `${of.node}: ${runs} runs`);
  }
  assert.deepEqual(shareOut(all, []), []);
});

test('LEAD-35: what is held is a bit for each block, the lowest of each byte first', () => {
  const { blocks, held } = heldAnswer(10, (index) => index === 0 || index === 9);
  assert.deepEqual([blocks, [...Buffer.from(held, 'base64')]], [10, [1, 2]]);
  assert.deepEqual(
    heldAnswer(0, () => true),
    { blocks: 0, held: '' },
  );
});

test('LEAD-35: a member that says that it has blocks and stops giving them holds nobody up', async (t) => {
  const ccm = await runKitCcm(t);
  const clock = createManualClock();
  const assignment = kitAssignment(1_000_000);
  const { id } = assignment.header;
  const member = await runScriptedSource(t, ccm, 'm-1', assignment, { gives: (index) => index < 2 });
  const { identity } = await issueNodeCredentials(ccm.certificates, 'gl-1');
  const fetcher = createContentFetcher({
    ranges: { fetchFile: never, fetchBlocks: never, close: () => undefined },
    ccmUrl: 'https://127.0.0.1:1',
    credentials: () => ({ identity, ca: ccm.certificates.certificate }),
    holders: () => [{ node: 'm-1', address: '127.0.0.1', port: member.port }],
    pace: () => () => undefined,
    clock,
    random: () => 0.5,
  });
  const here = new Set<number>();
  const intake: BlockIntake = {
    has: (index) => here.has(index),
    heldCount: () => here.size,
    missing: () => [...Array(8).keys()].filter((index) => !here.has(index)),
    write: async (index) => void here.add(index),
  };
  const ticket = kitTicket({ assignment: id, fetcher: 'gl-1' });
  const coming = fetcher.fromMembers({ id, ticket }, assignment.header, intake, new AbortController().signal);
  await until('what it gives is here', () => here.size === 2);
  clock.advance(10_000);
  assert.equal(await coming, 2);
});

function never(): never {
  throw new Error('the CCM is not asked');
}
