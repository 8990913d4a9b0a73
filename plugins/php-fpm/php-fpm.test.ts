import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setInterval } from 'node:timers/promises';
import { type Exec, type HookCall, PluginError, type PluginLog, type SwitchEvent } from 'treecast/plugin';
import { createSiteOnDisk, type SiteOnDisk, testNeeding } from 'treecast/plugin/testing';
import { phpFpm } from './php-fpm.ts';
import { resetObstacle } from './reset-pool.ts';
import { type Fpm, type FpmOptions, phpFpmProgram, startFpm } from './start-fpm.ts';

const nothing = (): void => undefined;
const log: PluginLog = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const call = (): HookCall => ({ signal: AbortSignal.timeout(20_000), log, dryRun: false });
/** OPcache never looks at files again: the classic set-up of production. */
const frozen = ['opcache.validate_timestamps=0'];
const page = (text: string): Record<string, string> => ({
  'index.php': `<?php echo ${JSON.stringify(text)}, ' ', trim(file_get_contents(__DIR__ . '/words.txt'));`,
  'words.txt': `words of ${text}\n`,
});

const exec: Exec = (program, args) =>
  new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr, truncated: false });
    });
  });

async function set(
  t: TestContext,
  config: Record<string, unknown>,
  options: FpmOptions = {},
): Promise<{ fpm: Fpm; site: SiteOnDisk; hooks: Awaited<ReturnType<typeof startPhpFpm>>; live: string }> {
  const fpm = await startFpm({ settings: frozen, ...options });
  t.after(() => fpm.remove());
  const site = await createSiteOnDisk('docs', page('release 0'));
  t.after(() => site.remove());
  await chmod(dirname(site.directory), 0o755);
  const hooks = await startPhpFpm(t, { pools: [fpm.socket], ...config });
  return { fpm, site, hooks, live: join(site.liveLink, 'index.php') };
}

async function startPhpFpm(t: TestContext, config: Record<string, unknown>) {
  const root = await mkdtemp(join(tmpdir(), 'treecast-fpm-state-'));
  await chmod(root, 0o755);
  t.after(() => rm(root, { recursive: true, force: true }));
  const parts = await phpFpm.setup({
    config: phpFpm.configSchema.parse(config),
    log,
    exec,
    place: 'agent',
    instance: 'php-fpm',
    stateDirectory: root,
    onCleanup: nothing,
  });
  await parts.validate?.(call());
  const { attach, afterSwitch } = parts.hooks;
  assert.ok(attach !== undefined && afterSwitch !== undefined);
  return { attach, afterSwitch };
}

async function publish(site: SiteOnDisk, text: string): Promise<SwitchEvent> {
  const next = await site.stage(page(text));
  const event = site.switchEvent(next);
  await site.switchTo(next);
  return event;
}

const told = (expected: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PluginError && (error.fix ?? '').length > 10, String(error));
  assert.match(error.message, expected);
  return true;
};

/** Every worker has answered from this release, so every worker remembers it. */
async function warm(fpm: Fpm, script: string, expected: string): Promise<void> {
  for (let round = 0; round < 12; round++) assert.equal(await fpm.get(script), expected);
}

const answer = (text: string): string => `${text} words of ${text}`;
const needs = [phpFpmProgram];

testNeeding(needs, 'N2: without the plugin, scripts named through the live link stay old', async (t) => {
  const { fpm, site, live } = await set(t, {});
  await warm(fpm, live, answer('release 0'));
  await publish(site, 'release 1');
  assert.equal(await fpm.get(live), answer('release 0'));
});

testNeeding(
  needs,
  'N2: of 50 publishes, the first answers of every worker after the hook are new',
  async (t) => {
    const { fpm, site, hooks, live } = await set(t, {});
    await warm(fpm, live, answer('release 0'));
    for (let release = 1; release <= 50; release++) {
      const event = await publish(site, `release ${release}`);
      const { note } = (await hooks.afterSwitch(event, call())) ?? {};
      assert.match(String(note), /: OPcache reset$/);
      const first = await Promise.all([1, 2, 3].map(() => fpm.get(live)));
      assert.deepEqual(new Set(first), new Set([answer(`release ${release}`)]));
    }
  },
);

testNeeding(needs, 'N2: a page whose script did not change reads the new tree’s other files', async (t) => {
  const { fpm, site, hooks, live } = await set(t, {});
  await warm(fpm, live, answer('release 0'));
  const next = await site.stage({ ...page('release 0'), 'words.txt': 'other words' });
  const event = site.switchEvent(next);
  await site.switchTo(next);
  await hooks.afterSwitch(event, call());
  assert.equal(await fpm.get(live), 'release 0 other words');
});

testNeeding(needs, 'N2: scripts named by resolved paths are new without a reset', async (t) => {
  const { fpm, site, hooks } = await set(t, { reset: 'none' });
  await warm(fpm, join(site.live().directory, 'index.php'), answer('release 0'));
  const event = await publish(site, 'release 1');
  const { note } = (await hooks.afterSwitch(event, call())) ?? {};
  assert.match(String(note), /PHP 8\S+, OPcache on/);
  assert.equal(await fpm.get(join(site.live().directory, 'index.php')), answer('release 1'));
});

testNeeding(needs, 'a release without a path that concerns PHP leaves OPcache alone', async (t) => {
  const only = ['**/*.php'];
  const { fpm, site, hooks, live } = await set(t, { only });
  await warm(fpm, live, answer('release 0'));
  const next = await site.stage({ ...page('release 0'), 'words.txt': 'other words' });
  const event = site.switchEvent(next);
  await site.switchTo(next);
  assert.deepEqual(await hooks.afterSwitch(event, call()), { note: 'nothing of PHP changed' });
  const unknown = { ...event, changes: () => Promise.resolve(null) };
  for (const owed of [unknown, { ...event, kind: 'start' } as const])
    assert.deepEqual(await hooks.afterSwitch(owed, call()), { note: `${fpm.socket}: OPcache reset` });
});

testNeeding(needs, 'resets that several sites ask for at once are all seen through', async (t) => {
  const { fpm, site, hooks, live } = await set(t, {}, { workers: 6 });
  for (let release = 1; release <= 20; release++) {
    const event = await publish(site, `release ${release}`);
    await Promise.all([1, 2, 3].map(async () => hooks.afterSwitch(event, call())));
    assert.equal(await fpm.get(live), answer(`release ${release}`));
  }
});

testNeeding(needs, 'a request that runs on is waited for, and named when the time is up', async (t) => {
  const { fpm, site, hooks, live } = await set(t, {});
  const [begun, gate] = [join(fpm.directory, 'begun'), join(fpm.directory, 'gate')];
  const slow = await site.stage({
    ...page('release 1'),
    'slow.php': `<?php touch('${begun}'); while (!file_exists('${gate}')) { usleep(5000); clearstatcache(); } echo 'done';`,
  });
  await site.switchTo(slow);
  await warm(fpm, live, answer('release 1'));
  const running = fpm.get(join(site.liveLink, 'slow.php'));
  for await (const _ of setInterval(10)) if (existsSync(begun)) break;
  const event = await publish(site, 'release 2');
  await assert.rejects(
    async () => hooks.afterSwitch(event, { ...call(), signal: AbortSignal.timeout(800) }),
    told(/waits for running PHP requests to end|was stopped/),
  );
  await writeFile(gate, '');
  assert.equal(await running, 'done');
  await hooks.afterSwitch(event, call());
  assert.equal(await fpm.get(live), answer('release 2'));
});

testNeeding(needs, 'pools that cannot be reset say why, and what to do', async (t) => {
  const away = await startPhpFpm(t, { pools: ['/run/nobody/there.sock', '127.0.0.1:1'] });
  const site = await createSiteOnDisk('docs', page('release 0'));
  t.after(() => site.remove());
  const event = await publish(site, 'release 1');
  await assert.rejects(
    async () => away.afterSwitch(event, call()),
    told(/there\.sock cannot be reached \(ENOENT\); .*127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/),
  );
  const cases: [FpmOptions, RegExp][] = [
    [{ pool: ['php_admin_value[opcache.restrict_api] = /srv/allowed'] }, /only scripts below \/srv\/allowed/],
    [{ settings: ['opcache.enable=0'] }, /OPcache off, and each of its workers remembers where/],
    [{ settings: ['disable_functions=opcache_reset'] }, /has no opcache_reset \(disable_functions\)/],
    [{ pool: ['php_admin_value[open_basedir] = /srv'] }, /did not run .*treecast-php-fpm-.*HTTP status/],
  ];
  for (const [options, expected] of cases) {
    const { hooks, site: other } = await set(t, {}, options);
    await assert.rejects(async () => hooks.attach(other.attachEvent(), call()), told(expected));
    const switched = await publish(other, 'release 1');
    await assert.rejects(async () => hooks.afterSwitch(switched, call()), told(expected));
  }
});

testNeeding(needs, 'a pool without OPcache and without remembered paths needs nothing', async (t) => {
  const options = { settings: ['opcache.enable=0', 'realpath_cache_size=0'] };
  const { fpm, site, hooks, live } = await set(t, {}, options);
  await warm(fpm, live, answer('release 0'));
  const event = await publish(site, 'release 1');
  const { note } = (await hooks.afterSwitch(event, call())) ?? {};
  assert.match(String(note), /OPcache is off there, nothing to reset/);
  assert.equal(await fpm.get(live), answer('release 1'));
});

testNeeding(
  [...needs, 'root'],
  'a pool of another user reads the script, and one it cannot reach is named',
  async (t) => {
    const { fpm, site, hooks, live } = await set(t, {}, { user: 'nobody', pool: ['listen.mode = 0600'] });
    await warm(fpm, live, answer('release 0'));
    await hooks.afterSwitch(await publish(site, 'release 1'), call());
    assert.equal(await fpm.get(live), answer('release 1'));
    const hidden = await mkdtemp(join(tmpdir(), 'treecast-hidden-'));
    t.after(() => rm(hidden, { recursive: true, force: true }));
    const other = await startPhpFpm(t, { pools: [fpm.socket], scriptDirectory: join(hidden, 'scripts') });
    await assert.rejects(
      async () => other.attach(site.attachEvent(), call()),
      told(/did not run .*HTTP status 40[34]/),
    );
  },
);

testNeeding([...needs, 'root'], 'a pool in a chroot is reset through a script inside it', async (t) => {
  const jail = await mkdtemp(join(tmpdir(), 'treecast-jail-'));
  t.after(() => rm(jail, { recursive: true, force: true }));
  const fpm = await startFpm({ settings: frozen, pool: [`chroot = ${jail}`] });
  t.after(() => fpm.remove());
  const site = await createSiteOnDisk('docs', page('release 0'));
  t.after(() => site.remove());
  const pools = [{ socket: fpm.socket, chroot: `${jail}/` }];
  const hooks = await startPhpFpm(t, { pools, scriptDirectory: join(jail, 'treecast') });
  const { note } = (await hooks.afterSwitch(await publish(site, 'release 1'), call())) ?? {};
  assert.match(String(note), /OPcache reset/);
});

test('what is preloaded from the site is not left to a reset; from elsewhere it is no obstacle', () => {
  const state = {
    ...{ php: '8.2', loaded: true, enabled: true, missing: [], warning: '', readable: true, reset: true },
    ...{ pending: false, restarting: false, restarts: 0, restrictedTo: '', remembers: true },
  };
  const of = (preload: string) => resetObstacle({ ...state, preload }, { directory: '/sites/docs' }, true);
  assert.match(of('/sites/docs/live/preload.php')?.what ?? '', /preloads .* is kept by a reset/);
  assert.equal(of('/usr/share/php/preload.php'), null);
});

testNeeding(
  needs,
  'N2: a reload makes every first answer new; a broken configuration is found before',
  async (t) => {
    const { fpm, site, live } = await set(t, {});
    const config = { pools: [fpm.socket], reset: 'reload', pidFile: fpm.pidFile };
    const test = [phpFpmProgram, '-n', '-t', '-R', '-y', fpm.configFile];
    const hooks = await startPhpFpm(t, { ...config, test });
    await hooks.attach(site.attachEvent(), call());
    for (let release = 1; release <= 4; release++) {
      await warm(fpm, live, answer(`release ${release - 1}`));
      const event = await publish(site, `release ${release}`);
      // Two sites at once: the second reload waits for the first.
      await Promise.all([hooks.afterSwitch(event, call()), hooks.afterSwitch(event, call())]);
      assert.equal(await fpm.get(live), answer(`release ${release}`));
    }
    const broken = await startPhpFpm(t, { ...config, test: [phpFpmProgram, '-n', '-t', '-y', '/dev/null'] });
    await assert.rejects(
      async () => broken.afterSwitch(await publish(site, 'release 5'), call()),
      told(/was not reloaded, its configuration is broken: [\s\S]*No pool defined/),
    );
    assert.equal(await fpm.get(live), answer('release 4'));
    await fpm.stop();
    await assert.rejects(
      async () => hooks.afterSwitch(await publish(site, 'release 6'), call()),
      told(/pid file .* (?:cannot be read|names no running PHP-FPM)/),
    );
  },
);
