import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../net/clock.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { noPlugins } from '../../plugins/host/plugin-set.ts';
import { until } from '../../plugins/testing/until.ts';
import { silentLog } from '../session/agent-log.ts';
import { createReleaseKeys } from '../session/release-keys.ts';
import { createReceiptSigner } from '../session/sign-receipt.ts';
import { createSiteStore } from '../store/create-site-store.ts';
import { grant, site } from '../testing/site-in-store.ts';
import { openKnownSites } from './known-sites.ts';
import { createSiteSessions } from './site-sessions.ts';

test('LINK-20: a site granted again right after its removal is opened when the removal is done', async (t) => {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'sites');
  mkdirSync(root);
  mkdirSync(join(directory, 'identity'));
  const steps: string[] = [];
  const closing = Promise.withResolvers<void>();
  const sessions = createSiteSessions({
    root,
    known: openKnownSites(directory),
    keys: createReleaseKeys([]),
    async createStore(options) {
      const isFirst = steps.length === 0;
      steps.push('open');
      const store = await createSiteStore(options);
      const close = async (): Promise<void> => {
        steps.push('closing');
        if (isFirst) await closing.promise;
        await store.close();
        steps.push('closed');
      };
      return { ...store, close };
    },
    plugins: noPlugins,
    pendingDirectory: join(directory, 'pending'),
    report: () => undefined,
    signReceipt: createReceiptSigner(
      'web-1',
      () => generatePrivateKey(),
      () => 0,
    ),
    receiver: { sourcesOf: () => [], log: silentLog },
    scrub: null,
    clock: systemClock,
    log: silentLog,
    onWelcome: () => undefined,
  });
  t.after(() => {
    closing.resolve();
    return sessions.close();
  });
  sessions.receive({ type: 'grant', grant });
  await sessions.of(site)?.idle();
  sessions.receive({ type: 'removed', site });
  sessions.receive({ type: 'grant', grant });
  assert.equal(sessions.of(site)?.holding(), null);
  await until('the first store is being closed', () => steps.includes('closing'));
  assert.deepEqual(steps, ['open', 'closing']);
  closing.resolve();
  await sessions.of(site)?.idle();
  assert.deepEqual(steps, ['open', 'closing', 'closed', 'open']);
  assert.notEqual(sessions.of(site)?.holding(), null);
  assert.deepEqual(readdirSync(root), [site]);
});

test('N26 LINK-20: what a removal left that a crash cut off goes at the next start, and no site with it', async (t) => {
  const directory = temporaryDirectory(t);
  const root = join(directory, 'sites');
  mkdirSync(join(root, '.removed-docs-1-1', 'trees', '1-0001'), { recursive: true });
  mkdirSync(join(root, site));
  const sessions = createSiteSessions({
    root,
    known: openKnownSites(directory),
    keys: createReleaseKeys([]),
    createStore: createSiteStore,
    plugins: noPlugins,
    pendingDirectory: join(directory, 'pending'),
    report: () => undefined,
    signReceipt: createReceiptSigner(
      'web-1',
      () => generatePrivateKey(),
      () => 0,
    ),
    receiver: { sourcesOf: () => [], log: silentLog },
    scrub: null,
    clock: systemClock,
    log: silentLog,
    onWelcome: () => undefined,
  });
  t.after(() => sessions.close());
  await sessions.open();
  await until('the leftover is gone', () => readdirSync(root).join() === site);
  assert.notEqual(sessions.of(site)?.holding(), null);
});
