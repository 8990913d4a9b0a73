import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { startGitHost } from './testing/git-host.ts';
import { notifyEvent, startNotify } from './testing/start-notify.ts';
import { startWebhookReceiver } from './testing/webhook-receiver.ts';
import { openToldPhases } from './told-phases.ts';

const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const token = 'token-of-tests';

test('each target hears only the phases it wants', async () => {
  const [all, failures] = [await startWebhookReceiver(key), await startWebhookReceiver(key)];
  const started = await startNotify((secret) => [
    { webhook: { url: all.url, secret: secret(key) } },
    { webhook: { url: failures.url, secret: secret(key) }, on: ['failed', 'aborted'] },
  ]);
  for (const phase of ['started', 'failed'] as const) await started.tell(notifyEvent({ phase }));
  const answer = await started.tell(notifyEvent({ job: 'j2', phase: 'live' }));
  assert.equal(answer?.note, '1 of 1 told of live');
  assert.equal(all.received.size, 3);
  assert.equal(failures.received.size, 1);
  await Promise.all([all.close(), failures.close(), started.close()]);
});

test('when one target fails, only that one is told again; one that refused for good is not', async () => {
  const receiver = await startWebhookReceiver(key);
  const away = await startWebhookReceiver(key);
  const host = await startGitHost({ kind: 'github', repository: 'acme/docs', token, commits: [] });
  const started = await startNotify((secret) => [
    { webhook: { url: receiver.url, secret: secret(key) } },
    { webhook: { url: away.url, secret: secret(key) } },
    { commitStatus: { host: 'github', api: host.url, repository: 'acme/docs', token: secret(token) } },
  ]);
  await away.breakIt();
  await assert.rejects(started.tell(notifyEvent()), (error: unknown) => {
    assert.ok(error instanceof PluginError && error.retryable);
    assert.match(
      error.message,
      /^webhook at http.*: no answer: nothing listens there; commit status on github \(acme\/docs\): .*knows no commit/,
    );
    return true;
  });
  await away.mend();
  await started.tell(notifyEvent());
  assert.equal(away.received.size, 1);
  assert.equal(receiver.requests.length, 1);
  assert.equal(host.requests.length, 1);
  await Promise.all([receiver.close(), away.close(), host.close(), started.close()]);
});

test('what was told is remembered for a bounded number of jobs, and a broken file is survived', async () => {
  const started = await startNotify((secret) => [
    { webhook: { url: 'http://127.0.0.1:1/', secret: secret(key) } },
  ]);
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: unknown, text: string) => void warnings.push(text),
  };
  const teller = (job: number) => ({ target: 'chat', site: 'docs', job: `j${job}` });
  const told = await openToldPhases(started.stateDirectory, log);
  await Promise.all(Array.from({ length: 1010 }, (_, job) => told.remember(teller(job), { phase: 'live' })));
  const again = await openToldPhases(started.stateDirectory, log);
  assert.equal(again.of(teller(9)), undefined);
  assert.equal(again.of(teller(10))?.phase, 'live');
  assert.equal(again.of(teller(1009))?.phase, 'live');
  assert.deepEqual(warnings, []);
  const path = join(started.stateDirectory, 'told.json');
  await writeFile(path, (await readFile(path, 'utf8')).slice(0, 1000));
  const empty = await openToldPhases(started.stateDirectory, log);
  assert.equal(empty.of(teller(1009)), undefined);
  assert.equal(warnings.length, 1);
  await started.close();
});
