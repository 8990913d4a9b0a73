// What the end-to-end tests cannot time: a store whose calls end when the test says so.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { EncodedAssignment } from '../../assignment/encode-assignment.ts';
import type { SiteGrant } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { type Clock, systemClock } from '../../net/clock.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { TestScope } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { noPlugins } from '../../plugins/host/plugin-set.ts';
import { until } from '../../plugins/testing/until.ts';
import { openPendingSwitch, type PendingSwitchFile } from '../plugins/pending-switch.ts';
import { createSiteHooks } from '../plugins/site-hooks.ts';
import { createScrubBudget } from '../scrub/scrub-budget.ts';
import type { ScrubSettings } from '../scrub/scrubber.ts';
import type { SiteStore } from '../store/site-store.ts';
import { assignmentOf, decisionOf, treeOf } from '../testing/sample-tree.ts';
import { grant, openSiteInStore, type SiteInStore, sampleRelease, site } from '../testing/site-in-store.ts';
import { silentLog } from './agent-log.ts';
import type { AssignmentMessage } from './receive-assignment.ts';
import { createReceiptSigner } from './sign-receipt.ts';
import { createSiteSession, type Report, type SiteSession } from './site-session.ts';

const one = { 'index.html': 'one' };

interface SessionInTest {
  readonly openFailures?: number;
  readonly clock?: Clock;
  readonly pending?: PendingSwitchFile;
  readonly scrub?: ScrubSettings | null;
}

async function openSession(
  t: TestScope,
  change: (store: SiteStore) => Partial<SiteStore>,
  { openFailures = 0, clock = systemClock, pending, scrub = null }: SessionInTest = {},
): Promise<SiteInStore & { readonly session: SiteSession; readonly reports: Report[] }> {
  const opened = await openSiteInStore(t);
  const { root, store } = opened;
  const reports: Report[] = [];
  let failures = openFailures;
  const session = createSiteSession({
    site,
    openStore: async () => {
      if (failures-- > 0) throw new TreecastError('STATE_CORRUPT', 'not yet');
      return { ...store, ...change(store), close: async () => undefined };
    },
    report: (report) => reports.push(report),
    signReceipt: createReceiptSigner(
      'web-1',
      () => generatePrivateKey(),
      () => 0,
    ),
    verifyDecision: () => true,
    hooks: {
      ...createSiteHooks({ site, root, plugins: noPlugins }),
      ...(pending && { hasFollowers: true }),
    },
    pending: pending ?? openPendingSwitch(join(root, '..', 'pending.json')),
    receiver: { sourcesOf: () => [], log: silentLog },
    scrub,
    scrubFile: join(root, '..', 'scrub.json'),
    clock,
    log: silentLog,
  });
  t.after(() => session.close());
  return { ...opened, session, reports };
}

function decision(): SignedDecision {
  return decisionOf(sampleRelease(1, {}, one));
}

test('LINK-21: a publish goes before a verification, which starts again after it', async (t) => {
  let verifications = 0;
  const { session, reports } = await openSession(t, (store) => ({
    verify(signal) {
      verifications += 1;
      if (verifications > 1) return store.verify(signal);
      return new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(new TreecastError('ABORTED', 'stopped')));
      });
    },
  }));
  session.verify('r');
  await until('the verification runs', () => verifications === 1);
  session.decision(decision());
  await until('both are told', () => reports.length === 2);
  assert.deepEqual(
    reports.map(({ type }) => type),
    ['stale', 'verified'],
  );
  assert.ok(reports[1]?.type === 'verified' && reports[1].error === undefined);
});

test('LINK-17: a store that cannot be opened is told, and tried again with the next message', async (t) => {
  const { session, reports } = await openSession(t, () => ({}), { openFailures: 2 });
  session.decision(decision());
  await session.idle();
  assert.ok(reports[0]?.type === 'stale' && reports[0].error.code === 'STATE_CORRUPT');
  assert.equal(session.holding(), null);
  session.decision(decision());
  await session.idle();
  assert.ok(reports[1]?.type === 'stale' && reports[1].error.code === 'BASE_MISMATCH');
  assert.notEqual(session.holding(), null);
});

test('LINK-18: a switch that fails is told as stale with its code and the live tree', async (t) => {
  const { session, reports } = await openSession(t, () => ({
    decide: () => Promise.reject(new TreecastError('SWITCH_FAILED', 'no')),
  }));
  session.decision(decision());
  await session.idle();
  assert.ok(reports[0]?.type === 'stale' && reports[0].error.code === 'SWITCH_FAILED');
});

test('STG-30: a switch that fails is tried again by itself, and at once when its decision is delivered again', async (t) => {
  let failures = 2;
  const clock = createManualClock();
  const { session, reports } = await openSession(
    t,
    (store) => ({
      decide(wanted) {
        if (failures-- > 0) return Promise.reject(new TreecastError('DISK_FAILED', 'no'));
        return Promise.resolve({
          outcome: 'switched',
          proof: { tree: wanted.toTree, scope: 'changed', release: wanted.release },
        });
      },
      holding: store.holding,
    }),
    { clock },
  );
  const told = () => reports.map((report) => (report.type === 'stale' ? report.error.code : report.type));
  session.decision(decision());
  await session.idle();
  assert.deepEqual(told(), ['DISK_FAILED']);
  clock.advance(5_000);
  await session.idle();
  assert.deepEqual(told(), ['DISK_FAILED', 'DISK_FAILED']);
  session.decision(decision());
  await session.idle();
  assert.deepEqual(told(), ['DISK_FAILED', 'DISK_FAILED', 'switched']);
  clock.advance(600_000);
  await session.idle();
  assert.equal(reports.length, 3, 'what has succeeded is not tried again');
});

test('STG-30: a switch whose note cannot be written, as on a full disk, is told as stale', async (t) => {
  const { session, reports } = await openSession(t, () => ({}), {
    pending: {
      read: async () => null,
      write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
      clear: async () => undefined,
    },
  });
  session.decision(decision());
  await session.idle();
  assert.ok(reports[0]?.type === 'stale' && reports[0].error.code === 'SPACE_INSUFFICIENT');
});

test('STG-30: background work that fails is tried again, less and less often', async (t) => {
  let tries = 0;
  const clock = createManualClock();
  const { session } = await openSession(
    t,
    () => ({
      settle() {
        tries += 1;
        return tries < 3 ? Promise.reject(new Error('an odd file')) : Promise.resolve();
      },
    }),
    { clock },
  );
  await session.idle();
  for (const [ms, expected] of [
    [50, 1],
    [4_000, 1],
    [1_000, 2],
    [9_000, 2],
    [1_000, 3],
    [600_000, 3],
  ] as const) {
    clock.advance(ms);
    await setImmediate();
    assert.equal(tries, expected, `after ${ms} ms more`);
  }
});

const repairing: SiteGrant = {
  ...grant,
  policy: { ...grant.policy, drift: { action: 'repair', extra: 'report', ignore: [] } },
};

/** As the CCM sends what is small. */
function inline({ header: { id, release }, manifest, data }: EncodedAssignment): AssignmentMessage {
  const source = {
    kind: 'inline',
    manifest: manifest.toString('base64'),
    data: data.toString('base64'),
  } as const;
  return { type: 'assignment', site, id, release, source };
}

test('LINK-23: contents that come when nobody waits for them any more are used at once, and not asked for again', async (t) => {
  const clock = createManualClock();
  const scrub = { budget: createScrubBudget(1_000_000_000, clock), everyMs: 3_600_000 };
  const { root, session, reports, publish } = await openSession(t, () => ({}), { clock, scrub });
  await publish(one);
  const file = join(root, site, 'live', 'index.html');
  // In the inode that all trees share: only the CCM has the right bytes.
  writeFileSync(file, 'two');
  session.grant(repairing);
  await session.idle();
  const asked = () => reports.filter(({ type }) => type === 'mend').length;
  clock.advance(30_000);
  await until('the contents are asked for', () => asked() === 1);
  clock.advance(30_000);
  await session.idle();
  assert.equal(readFileSync(file, 'utf8'), 'two');
  const repair = { type: 'restore', baseTree: treeOf(one) } as const;
  session.assignment(inline(assignmentOf(sampleRelease(1, {}, one), repair)));
  await session.idle();
  assert.equal(readFileSync(file, 'utf8'), 'one');
  assert.equal(asked(), 1);
});

test('JOB-14: a release whose node puts its live tree right first is told to go on meanwhile, however long that takes', async (t) => {
  const clock = createManualClock();
  let isChecked = (): void => assert.fail('nothing is checked');
  let stagings = 0;
  const { session, reports, publish } = await openSession(
    t,
    (store) => ({
      stage: (...args) =>
        ++stagings === 1
          ? Promise.reject(new TreecastError('CONTENT_DRIFT', 'a file was changed'))
          : store.stage(...args),
      check: () =>
        new Promise((resolve) => {
          isChecked = () => resolve([]);
        }),
    }),
    { clock },
  );
  await publish(one);
  session.grant(repairing);
  await session.idle();
  const next = assignmentOf(sampleRelease(2, one, { 'index.html': 'two' }));
  session.assignment(inline(next));
  await until('staging failed', () => stagings === 1);
  await setImmediate();
  for (let told = 1; told <= 3; told++) {
    clock.advance(10_000);
    assert.equal(reports.filter(({ type }) => type === 'progress').length, told);
  }
  isChecked();
  await session.idle();
  clock.advance(60_000);
  const { length } = reports.filter(({ type }) => type === 'progress');
  assert.ok(length <= 4, 'and no longer');
  assert.ok(reports.some((report) => report.type === 'staged' && report.assignment === next.header.id));
});

test('STG-41: a grant whose decision was signed anew has the store keep it, though it was executed', async (t) => {
  const kept: SignedDecision[] = [];
  const { session, reports, publish } = await openSession(t, (store) => ({
    decide(wanted) {
      kept.push(wanted);
      return store.decide(wanted);
    },
  }));
  await publish(one);
  await session.idle();
  session.grant({ ...grant, lastDecision: decision() });
  await session.idle();
  assert.deepEqual(kept, []);
  const anew = { ...decision(), signature: 'b25l' };
  session.grant({ ...grant, lastDecision: anew });
  await session.idle();
  assert.deepEqual(kept, [anew]);
  assert.deepEqual(
    reports.filter(({ type }) => type === 'stale' || type === 'switched'),
    [],
    'for the CCM nothing has changed',
  );
});
