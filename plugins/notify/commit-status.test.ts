// N50: the state of a job at its commit, on every kind of Git host. N80: a commit the host does not know is no failure of the publish.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type NotifyEvent, PluginError } from 'treecast/plugin';
import { type GitHost, startGitHost } from './testing/git-host.ts';
import { notifyEvent, type StartedNotify, startNotify } from './testing/start-notify.ts';

type Kind = 'github' | 'gitlab' | 'gitea';
const commit = 'c'.repeat(40);
const token = 'token-of-tests';

async function withHost(
  kind: Kind,
  use: (host: GitHost, started: StartedNotify) => Promise<void>,
  over: Record<string, unknown> = {},
): Promise<void> {
  const repository = kind === 'gitlab' ? 'acme/web/docs' : 'acme/docs';
  const host = await startGitHost({ kind, repository, token, commits: [commit] });
  const started = await startNotify((secret) => [
    {
      commitStatus: {
        host: kind,
        api: `${host.url}/`,
        repository,
        token: secret(token),
        targetUrl: 'https://ccm.example.org/jobs/{job}',
        ...over,
      },
    },
  ]);
  try {
    await use(host, started);
  } finally {
    await host.close();
    await started.close();
  }
}

const failsWith = (pattern: RegExp, retryable: boolean) => (error: unknown) => {
  assert.ok(error instanceof PluginError, String(error));
  assert.match(error.message, pattern);
  assert.equal(error.retryable, retryable);
  assert.ok(error.fix);
  return true;
};

const states: Readonly<Record<Kind, Readonly<Record<NotifyEvent['phase'], string>>>> = {
  github: { started: 'pending', live: 'success', failed: 'failure', superseded: 'error', aborted: 'error' },
  gitlab: {
    started: 'pending',
    live: 'success',
    failed: 'failed',
    superseded: 'canceled',
    aborted: 'canceled',
  },
  gitea: { started: 'pending', live: 'success', failed: 'failure', superseded: 'warning', aborted: 'error' },
};

for (const kind of ['github', 'gitlab', 'gitea'] as const) {
  describe(`commit status on ${kind}`, () => {
    test('each phase has its state, from pending to the end', () =>
      withHost(kind, async (host, started) => {
        for (const phase of ['live', 'failed', 'superseded', 'aborted'] as const) {
          const job = `j-${phase}`;
          for (const now of ['started', phase] as const) {
            await started.tell(notifyEvent({ job, phase: now }));
            const status = host.statuses.get(`${commit} treecast/docs`);
            assert.equal(status?.state, states[kind][now]);
            assert.equal(status?.description, `docs ${now}`);
            assert.equal(status?.url, `https://ccm.example.org/jobs/${job}`);
          }
        }
      }));

    test('a long line is cut to what the host takes', () =>
      withHost(kind, async (host, started) => {
        await started.tell(notifyEvent({ text: `${'ä😀\n'.repeat(200)}` }));
        const description = host.statuses.get(`${commit} treecast/docs`)?.description ?? '';
        assert.ok(description.length <= (kind === 'github' ? 140 : 255) && description.length > 130);
        assert.match(description, /…$/);
        assert.ok(description.isWellFormed());
      }));

    test('an unknown commit, a wrong token and a wrong repository are told once, for good', async () => {
      await withHost(kind, async (host, started) => {
        await assert.rejects(
          started.tell(notifyEvent({ commit: 'd'.repeat(40) })),
          failsWith(/knows no commit dddddddddddd/, false),
        );
        assert.equal(host.requests.length, 1);
      });
      await withHost(
        kind,
        async (_, started) => assert.rejects(started.tell(notifyEvent()), failsWith(/\(404\)/, false)),
        { repository: 'acme/other' },
      );
      process.env['TREECAST_TEST_WRONG_TOKEN'] = 'wrong-token';
      await withHost(
        kind,
        async (_, started) =>
          assert.rejects(started.tell(notifyEvent()), failsWith(/refused with 401/, false)),
        { token: { env: 'TREECAST_TEST_WRONG_TOKEN' } },
      );
    });

    test('a rollback that names no commit is nobody’s status', () =>
      withHost(kind, async (host, started) => {
        await started.tell(notifyEvent({ type: 'rollback', commit: null }));
        assert.equal(host.requests.length, 0);
      }));

    test('the host asks to wait a moment: it is tried again; to wait long: it stays owed', () =>
      withHost(kind, async (host, started) => {
        host.first.push({ status: 429, headers: { 'retry-after': '0' } });
        await started.tell(notifyEvent());
        assert.equal(host.requests.length, 2);
        host.first.push({ status: 429, headers: { 'retry-after': '3600' } });
        await assert.rejects(started.tell(notifyEvent({ job: 'j2' })), failsWith(/answered 429/, true));
      }));
  });
}

test('GitHub’s rate limits come as 403: they stay owed', () =>
  withHost('github', async (host, started) => {
    host.first.push({
      status: 403,
      headers: { 'x-ratelimit-remaining': '0' },
      body: { message: 'API rate limit' },
    });
    await assert.rejects(started.tell(notifyEvent()), failsWith(/asks to slow down \(403\)/, true));
    host.first.push({ status: 403, body: { message: 'Resource not accessible' } });
    await assert.rejects(started.tell(notifyEvent()), failsWith(/refused with 403/, false));
    await started.tell(notifyEvent());
    assert.equal(host.statuses.get(`${commit} treecast/docs`)?.state, 'success');
  }));

test('GitLab refuses to set what is set already: that is fine', () =>
  withHost('gitlab', async (host, started) => {
    await started.tell(notifyEvent({ phase: 'started' }));
    await started.tell(notifyEvent({ phase: 'started', job: 'j2' }));
    assert.equal(host.requests.length, 2);
    assert.equal(host.statuses.get(`${commit} treecast/docs`)?.state, 'pending');
  }));
