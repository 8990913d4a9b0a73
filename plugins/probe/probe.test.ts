// N32: a check decides on the node; a bad release is left again where the operator wants it, and never in a circle.

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { test } from 'node:test';
import { PluginError, type SwitchEvent } from 'treecast/plugin';
import { createSiteOnDisk, listen, type SiteOnDisk, testNeeding } from 'treecast/plugin/testing';
import { type NginxOfSite, startNginxOfSite } from './testing/nginx-of-site.ts';
import { runProbe } from './testing/run-probe.ts';

const host = 'docs.example.org';

async function withSite(use: (site: SiteOnDisk, nginx: NginxOfSite) => Promise<void>): Promise<void> {
  const site = await createSiteOnDisk('docs', { 'index.html': '<h1>First</h1>' });
  const nginx = await startNginxOfSite(site.liveLink);
  try {
    await use(site, nginx);
  } finally {
    await nginx.close();
    await site.remove();
  }
}

async function withServer(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  const port = await listen(server);
  try {
    await use(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function failureOf(running: Promise<unknown>): Promise<PluginError> {
  const error: unknown = await running.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof PluginError, `no failure: ${String(error)}`);
  assert.ok(error.fix);
  return error;
}

/** An event for checks that look at no tree. */
function anyEvent(kind: SwitchEvent['kind'] = 'publish'): SwitchEvent {
  const tree = (release: string) => ({
    tree: 'a'.repeat(40),
    release,
    directory: `/srv/docs/trees/${release}`,
  });
  return {
    site: 'docs',
    directory: '/srv/docs',
    liveLink: '/srv/docs/live',
    kind,
    from: tree('1-0001'),
    to: tree('1-0002'),
    changes: () => Promise.resolve(null),
  };
}

testNeeding(['nginx'], 'nginx serves the new release: status, body and header with {release} pass', () =>
  withSite(async (site, nginx) => {
    const next = await site.stage({ 'index.html': '<h1>Second</h1>' });
    const event = site.switchEvent(next);
    const http = { url: `${nginx.url}/`, host, bodyMatches: '/^<h1>\\w+<.h1>$/' };
    const checks = [
      { http: { ...http, header: { name: 'X-Release', equals: '{release}' } }, attempts: 1 },
      { http: { ...http, header: { name: 'x-release', matches: '/^{release}$/u' } }, attempts: 1 },
      { http: { url: `${nginx.url}/gone`, host, statuses: [404, 410] } },
    ];
    const stale = await failureOf(runProbe({ checks, switchBack: true }, event));
    assert.match(
      stale.message,
      /^2 checks did not pass: GET http:\/\/127.*\/: expected header X-Release to be "1-0002", came "1-0001" \(1 of 1 attempts\); /,
    );
    assert.equal(stale.switchBack, true);
    await site.switchTo(next);
    const answer = await runProbe({ checks, switchBack: true }, event);
    assert.match(answer?.note ?? '', /^all 3 checks passed in \d+ ms$/);
  }),
);

testNeeding(['nginx'], 'redirects are answers unless they are wanted, and lead to no other host', () =>
  withSite(async (site, nginx) => {
    const event = site.switchEvent(site.live());
    const at = (path: string, rest: object) => ({
      switchBack: true,
      checks: [{ http: { url: `${nginx.url}${path}`, host, ...rest }, attempts: 1 }],
    });
    assert.match((await failureOf(runProbe(at('/old', {}), event))).message, /expected status 200, came 301/);
    await runProbe(at('/old', { statuses: [301] }), event);
    await runProbe(at('/old', { redirects: 1, bodyMatches: 'First' }), event);
    assert.match(
      (await failureOf(runProbe(at('/away', { redirects: 5 }), event))).message,
      /expected redirects within the same host, came one to "http:\/\/elsewhere/,
    );
    assert.match(
      (await failureOf(runProbe(at('/loop', { redirects: 3 }), event))).message,
      /expected at most 3 redirects, came one more/,
    );
    const wrongHost = {
      switchBack: true,
      checks: [{ http: { url: nginx.url, host: 'x.example' }, attempts: 1 }],
    };
    assert.match((await failureOf(runProbe(wrongHost, event))).message, /came 421: no such host/);
  }),
);

test('only a fresh switch is taken back: not a return, not one that start-up finished, not the first tree', async () => {
  const config = { switchBack: true, checks: [{ command: { program: 'false' }, attempts: 1 }] };
  for (const [kind, switchBack] of [
    ['publish', true],
    ['rollback', true],
    ['switch-back', false],
    ['start', false],
  ] as const)
    assert.equal((await failureOf(runProbe(config, anyEvent(kind)))).switchBack, switchBack, kind);
  const first = { ...anyEvent(), from: null };
  assert.equal((await failureOf(runProbe(config, first))).switchBack, false);
  assert.equal((await failureOf(runProbe({ ...config, switchBack: false }, anyEvent()))).switchBack, false);
});

test('a check passes as soon as one of its attempts does', async () => {
  let calls = 0;
  await withServer(
    (_, response) => {
      calls += 1;
      response.writeHead(calls < 3 ? 503 : 200).end();
    },
    async (url) => {
      await runProbe({ checks: [{ http: { url }, attempts: 5, everySeconds: 0.01 }] }, anyEvent());
      assert.equal(calls, 3);
    },
  );
});

test('commands: exit codes, arguments with placeholders, and what they wrote', async () => {
  const sh = (script: string) => ({
    program: 'sh',
    args: ['-c', script, 'sh', '{site}', '{tree}', '{release}', '{directory}'],
  });
  await runProbe(
    {
      checks: [
        {
          command: {
            ...sh('test "$1 $2 $3 $4" = "docs $2 1-0002 /srv/docs/trees/1-0002"; exit $((3 + $?))'),
            exitCodes: [3],
          },
        },
      ],
    },
    anyEvent(),
  );
  const error = await failureOf(
    runProbe(
      { checks: [{ name: 'database', command: sh('echo no database >&2; exit 2'), attempts: 1 }] },
      anyEvent(),
    ),
  );
  assert.equal(
    error.message,
    'a check did not pass: database (sh): expected exit code 0, came 2: no database (1 of 1 attempts)',
  );
});

test('the limit of the hook ends it with what was seen last, and switches back; a stopping agent does not', async () => {
  await withServer(
    (_, response) => response.writeHead(500).end('still broken'),
    async (url) => {
      const config = { switchBack: true, checks: [{ http: { url }, attempts: 100, everySeconds: 300 }] };
      const late = await failureOf(runProbe(config, anyEvent(), AbortSignal.timeout(300)));
      assert.match(late.message, /came 500: still broken \(1 of 100 attempts\)/);
      assert.equal(late.switchBack, true);
      const stopped = await failureOf(runProbe(config, anyEvent(), AbortSignal.abort()));
      assert.equal(stopped.switchBack, false);
    },
  );
});

test('a pattern that would run for ever has its time and no more', async () => {
  await withServer(
    (_, response) => response.end(`${'a'.repeat(50)}b`),
    async (url) => {
      const from = performance.now();
      const http = { url, bodyMatches: '/^(a+)+$/' };
      const error = await failureOf(runProbe({ checks: [{ http, attempts: 1 }] }, anyEvent()));
      assert.match(error.message, /expected a judgement, came the pattern .* took longer than 250 ms/);
      assert.ok(performance.now() - from < 10_000);
    },
  );
});

test('an endless body is read up to 1 MiB', async () => {
  await withServer(
    (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    },
    async (url) => {
      const http = { url, bodyMatches: 'never there' };
      const error = await failureOf(runProbe({ checks: [{ http, attempts: 1 }] }, anyEvent()));
      assert.match(
        error.message,
        /expected a body with "never there", came more than 1048576 bytes without it/,
      );
    },
  );
});
