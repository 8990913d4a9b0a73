// What the end-to-end tests cannot time: a store whose calls end when the test says so.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
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
import type { SiteStore } from '../store/site-store.ts';
import { decisionOf } from '../testing/sample-tree.ts';
import { openSiteInStore, sampleRelease, site } from '../testing/site-in-store.ts';
import { silentLog } from './agent-log.ts';
import { createReceiptSigner } from './sign-receipt.ts';
import { createSiteSession, type Report, type SiteSession } from './site-session.ts';

const one = { 'index.html': 'one' };

async function openSession(
  t: TestScope,
  change: (store: SiteStore) => Partial<SiteStore>,
  openFailures = 0,
  clock: Clock = systemClock,
  pending?: PendingSwitchFile,
): Promise<{ readonly session: SiteSession; readonly reports: Report[]; readonly store: SiteStore }> {
  const { root, store } = await openSiteInStore(t);
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
    receiver: { ranges: undefined as never, ccmUrl: 'https://127.0.0.1' },
    scrub: null,
    scrubFile: join(root, '..', 'scrub.json'),
    clock,
    log: silentLog,
  });
  t.after(() => session.close());
  return { session, reports, store };
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
  const { session, reports } = await openSession(t, () => ({}), 2);
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
    0,
    clock,
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
  const { session, reports } = await openSession(t, () => ({}), 0, systemClock, {
    read: async () => null,
    write: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
    clear: async () => undefined,
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
    0,
    clock,
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
