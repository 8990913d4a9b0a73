// What the end-to-end tests cannot time: a store whose calls end when the test says so.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SignedDecision } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { systemClock } from '../../net/clock.ts';
import type { TestScope } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { noPlugins } from '../../plugins/host/plugin-set.ts';
import { until } from '../../plugins/testing/until.ts';
import { openPendingSwitch } from '../plugins/pending-switch.ts';
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
    signReceipt: createReceiptSigner('web-1', generatePrivateKey(), () => 0),
    verifyDecision: () => true,
    hooks: createSiteHooks({ site, root, plugins: noPlugins }),
    pending: openPendingSwitch(join(root, '..', 'pending.json')),
    receiver: { ranges: undefined as never, ccmUrl: 'https://127.0.0.1' },
    clock: systemClock,
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
