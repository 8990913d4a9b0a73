// The order of sources, and what becomes of an assignment under way when its leader dies and this node is the next one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { HeldContent } from '../leader/held-content.ts';
import type { ContentSource, FetchedAssignment } from './content-source.ts';
import { createSourcesOf } from './sources-of.ts';
import { untilHeld } from './until-held.ts';

const assignment = { id: 'a'.repeat(64) } as FetchedAssignment;
const never = new AbortController().signal;
const named = (name: ContentSource['name']): ContentSource => ({
  name,
  manifest: async () => Buffer.from(name),
  blocks: async () => undefined,
});
const held = { manifest: async () => ({ bytes: Buffer.from('what it holds') }) } as unknown as HeldContent;

test('LEAD-58 LEAD-59: what is held comes first, then the leader, then what is held as its successor, and last the CCM', async () => {
  const options = { leader: () => [named('leader')], heldAsLeader: async () => held, ccm: named('ccm') };
  const names = (sources: readonly ContentSource[]): string[] => sources.map(({ name }) => name);
  assert.deepEqual(names(createSourcesOf({ ...options, held: () => held })(assignment)), ['held', 'ccm']);
  const behind = createSourcesOf({ ...options, held: () => null })(assignment);
  assert.deepEqual(names(behind), ['leader', 'held', 'ccm']);
  assert.equal(String(await behind[1]?.manifest(assignment, never)), 'what it holds');
  const direct = createSourcesOf({ ...options, held: () => null, leader: () => [] })(assignment);
  assert.deepEqual(names(direct), ['ccm']);
});

test('LEAD-59: who does not lead, and whoever is stopped, takes nothing from itself', async () => {
  const options = {
    held: () => null,
    leader: () => [named('leader')],
    heldAsLeader: async () => null,
    ccm: named('ccm'),
  };
  const [, own] = createSourcesOf(options)(assignment) as [ContentSource, ContentSource];
  const codeOf = async (signal: AbortSignal): Promise<string> =>
    own.manifest(assignment, signal).then(
      () => 'none',
      (error: unknown) => (error instanceof TreecastError ? error.code : 'other'),
    );
  assert.equal(await codeOf(never), 'CCM_UNREACHABLE');
  assert.equal(await codeOf(AbortSignal.abort()), 'ABORTED');
});

test('LEAD-59: a successor waits until it holds the assignment, six seconds at most, and not while another leads', async () => {
  const wait = (leads: boolean, heldAtMs: number) => {
    const clock = createManualClock();
    const from = clock.now();
    let outcome: HeldContent | null | undefined;
    void untilHeld({
      held: () => (clock.now() - from >= heldAtMs ? held : null),
      leads: () => leads,
      clock,
      signal: never,
    }).then((content) => {
      outcome = content;
    });
    return async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(100);
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      }
      return outcome;
    };
  };
  const soon = wait(true, 3_000);
  assert.equal(await soon(2_500), undefined);
  assert.equal(await soon(1_000), held);
  const late = wait(true, 60_000);
  assert.equal(await late(5_000), undefined);
  assert.equal(await late(1_500), null);
  assert.equal(await wait(false, 3_000)(100), null);
});
