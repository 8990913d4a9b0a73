import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TreeLeaderResource, TreeResource } from '../model/api.ts';
import { treeLines } from './tree-lines.ts';

const startedAt = '2026-11-28T05:00:00.000Z';
const later = (ms: number): string => new Date(Date.parse(startedAt) + ms).toISOString();

/** `from`: its source, or those of the two parts. */
function leader(
  node: string,
  from: string | null | undefined | readonly (string | null)[],
  more: Partial<TreeLeaderResource> = {},
): TreeLeaderResource {
  const nodes = Array.isArray(from) ? from : [from];
  const parts = nodes.length as 1 | 2;
  return {
    segment: `seg-${node}`,
    node,
    state: 'held',
    isHere: true,
    sources:
      from === undefined ? [] : nodes.map((source: string | null, part) => ({ part, parts, node: source })),
    children: [],
    avoided: null,
    heldBlocks: 80,
    handedOutAt: later(20),
    heldAt: later(4_200),
    transfers: nodes.map((source: string | null) => ({
      node: source,
      bytes: 10_485_760,
      ms: 4_000,
      delayMs: 12.34,
      bytesPerSecond: 11_750_000,
    })),
    error: null,
    nodes: { wanted: 3, held: 3, staged: 3, live: 2, failed: 0 },
    ...more,
  };
}

function tree(leaders: readonly TreeLeaderResource[]): TreeResource {
  const assignment = {
    assignment: 'ab'.repeat(32),
    bytes: 10_485_760,
    blocks: 80,
    startedAt,
    completedAt: null,
  };
  return {
    job: 'j1',
    site: 'docs',
    release: { epoch: 1, sequence: 42 },
    assignments: [{ ...assignment, leaders }],
  };
}

/** The first words of each row below the headings. */
function drawn(of: TreeResource): string[] {
  const lines = treeLines(of);
  return lines.flatMap((line) =>
    /^(?:CCM|SOURCE|part|[^a-z]*web\d|… )/.test(line) ? line.split(/ {2}/, 1) : [],
  );
}

test('R6 X18: who fed whom, each below its source, with state, blocks, rate, delay, times and its segment’s nodes', () => {
  const text = treeLines(
    tree([
      leader('web1', null),
      leader('web2', 'web1', {
        state: 'fetching',
        heldBlocks: 7,
        heldAt: null,
        isHere: false,
        avoided: 'corrupt',
      }),
      leader('web3', 'web1'),
    ]),
  ).join('\n');
  assert.match(text, /release +1-0042/);
  assert.match(text, /assignment ababababab, 10\.0 MiB in 80 blocks: 2 of 3 leaders hold it$/m);
  assert.match(text, /↳ web1 +seg-web1 +held +80 +10\.0 MiB +94 +12\.3 ms +20 ms +4\.2 s +2 of 3 live/);
  assert.match(text, /├ web2 +seg-web2 +fetching, away, avoided: corrupt +7 of 80 .* 20 ms +– +2 of 3 live/);
  assert.match(text, /└ web3/);
});

test('R6.4: what came from the same source before and after a repair is one sum, with the last rate and delay that is known', () => {
  const from = (bytes: number, more: Partial<TreeLeaderResource['transfers'][number]> = {}) =>
    ({ node: null, bytes, ms: 1_000, delayMs: 3, bytesPerSecond: 1_250_000, ...more }) as const;
  const transfers = [
    from(1_048_576),
    from(2_097_152, { node: 'web9' }),
    from(1_048_576, { delayMs: null, bytesPerSecond: null }),
  ];
  assert.match(
    treeLines(tree([leader('web1', null, { transfers })])).join('\n'),
    /↳ web1 .* 80 +2\.0 MiB +10 +3 ms/,
  );
});

test('R6: branches, chains, leaders whose source is no leader any more, rings, and who waits: each leader once', () => {
  const all = tree([
    leader('web1', null),
    leader('web4', 'web2'),
    leader('web2', 'web1'),
    leader('web3', 'web1'),
    leader('web5', 'web4'),
    leader('web6', 'gone'),
    leader('web7', 'web6'),
    leader('web8', 'web9'),
    leader('web9', 'web8'),
    leader('web0', undefined, { state: 'waiting', handedOutAt: null }),
  ]);
  assert.deepEqual(drawn(all), [
    'SOURCE AND WHO FETCHES FROM IT',
    'CCM',
    '↳ web1',
    '├ web2',
    '│ ↳ web4',
    '│ ↳ web5',
    '└ web3',
    '… from gone: web6',
    '↳ web7',
    '… from web9: web8',
    '↳ web9',
    'web0',
  ]);
});

test('R6: of two parts each has its tree; a chain of 10,000 is drawn', () => {
  const both = tree([leader('web1', [null, 'web2']), leader('web2', ['web1', null])]);
  const heads = ['SOURCE AND WHO FETCHES FROM IT', 'CCM'];
  assert.deepEqual(drawn(both), [
    'part 1 of 2',
    ...heads,
    '↳ web1',
    '↳ web2',
    'part 2 of 2',
    ...heads,
    '↳ web2',
    '↳ web1',
  ]);
  const chain = Array.from({ length: 10_000 }, (_, index) =>
    leader(`web${index}`, index === 0 ? null : `web${index - 1}`),
  );
  assert.equal(drawn(tree(chain)).at(-1), '↳ web9999');
});

test('R6: what failed says why and what to do, and nothing of it can draw on the terminal; a job without a tree says so', () => {
  const error = { code: 'DISK_FAILED', message: 'no \u001b[31mspace', fix: 'Make \u001b[2Jroom.' } as const;
  const text = treeLines(tree([leader('web1', null, { state: 'failed', error })])).join('\n');
  assert.match(text, /web1: no .*space \[DISK_FAILED\]\n {2}fix: Make .*room\./);
  assert.ok(!text.includes('\u001b'));
  assert.match(
    treeLines({ ...tree([]), assignments: [] }).join('\n'),
    /Nothing of it went from leader to leader/,
  );
});
