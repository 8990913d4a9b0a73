import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createSiteOnDisk, type SiteOnDisk, startPlugin, testNeeding } from 'treecast/plugin/testing';
import { readInstallParameters } from './install-parameters.ts';
import { program } from './program.ts';
import {
  badProgram,
  createServiceControl,
  goodProgram,
  installEvent,
  installed,
  type ServiceControl,
} from './testing/service-control.ts';

interface Setting {
  readonly control: ServiceControl;
  readonly site: SiteOnDisk;
  readonly plugin: Awaited<ReturnType<typeof startPlugin>>;
  readonly to: string;
  publish(text: string): Promise<void>;
  install(parameters?: Record<string, unknown>): ReturnType<Setting['plugin']['run']>;
  prepare(parameters?: Record<string, unknown>): ReturnType<Setting['plugin']['run']>;
}

async function setting(t: TestContext, config: Record<string, unknown> = {}): Promise<Setting> {
  const control = await createServiceControl();
  t.after(() => control.remove());
  const site = await createSiteOnDisk('docs', { 'bin/app': goodProgram('release 1') });
  t.after(() => site.remove());
  const plugin = await startPlugin(program, { config: { ...control.config, ...config } });
  t.after(() => plugin.close());
  const to = join(control.bin, 'one');
  const usual = { from: 'bin/app', to, restart: 'one' };
  return {
    control,
    site,
    plugin,
    to,
    publish: async (text) => site.switchTo(await site.stage({ 'bin/app': text })),
    install: (parameters = {}) => plugin.run('apply', installEvent(site, { ...usual, ...parameters })),
    prepare: (parameters = {}) => plugin.run('prepare', installEvent(site, { ...usual, ...parameters })),
  };
}

test('a program is installed with its mode and its unit restarted; the same again does nothing', async (t) => {
  const { control, install, publish } = await setting(t);
  const first = await install({ mode: '750' });
  assert.equal(first.error, null, first.error?.message);
  assert.match(first.answer?.note ?? '', /installed, one restarted/);
  assert.deepEqual(await installed(control.bin), { one: `750 ${goodProgram('release 1')}` });
  assert.match((await install({ mode: '750' })).answer?.note ?? '', /as it should be/);
  assert.equal(await control.starts(), 1);
  await publish(goodProgram('release 2'));
  assert.equal((await install()).error, null);
  assert.deepEqual(await installed(control.bin), { one: `755 ${goodProgram('release 2')}` });
  assert.equal(await control.starts(), 2);
});

test('after a rollback the commands of the former tree bring the former program back', async (t) => {
  const { control, site, install, publish } = await setting(t);
  const former = site.live();
  await install();
  await publish(goodProgram('release 2'));
  await install();
  await site.switchTo(former);
  assert.equal((await install()).error, null);
  assert.deepEqual(await installed(control.bin), { one: `755 ${goodProgram('release 1')}` });
  assert.equal(await control.starts(), 3);
});

test('N68: a program that dies after its restart gives way to the former one, which runs again', async (t) => {
  const { control, install, publish, plugin } = await setting(t);
  await install();
  await publish(badProgram('release 2'));
  for (const round of [1, 2]) {
    const { error } = await install();
    assert.match(
      error?.message ?? '',
      /one does not run after its restart \(exit code 3: the service died\)/,
    );
    assert.match(error?.message ?? '', /the former file was put back and is in use/);
    assert.match(error?.fix ?? '', /log of one/);
    assert.deepEqual(await installed(control.bin), { one: `755 ${goodProgram('release 1')}` });
    assert.equal(await control.starts(), 1 + 2 * round);
  }
  assert.deepEqual(await readdir(join(plugin.stateDirectory, 'program', 'journal')), []);
});

test('a new program that does not run is removed again', async (t) => {
  const { control, install, publish } = await setting(t);
  await publish(badProgram('first'));
  const { error } = await install();
  assert.match(error?.message ?? '', /does not run.*it was removed again/);
  assert.deepEqual(await installed(control.bin), {});
});

test('an agent that is stopped while a unit restarts puts things right at its next start', async (t) => {
  const { control, site, to } = await setting(t);
  const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-program-state-'));
  t.after(() => rm(stateDirectory, { recursive: true, force: true }));
  const start = () => startPlugin(program, { config: control.config, stateDirectory });
  const event = () => installEvent(site, { from: 'bin/app', to, restart: 'one' });
  await mkdir(join(stateDirectory, 'program', 'check-killed'), { recursive: true });
  const first = await start();
  assert.deepEqual(await readdir(join(stateDirectory, 'program')), []);
  assert.equal((await first.run('apply', event())).error, null);
  await site.switchTo(await site.stage({ 'bin/app': goodProgram('release 2') }));
  await writeFile(control.stallFile, '');
  const running = first.run('apply', event());
  while (!(await readFile(to, 'utf8')).includes('release 2')) await readdir(control.bin);
  await first.close();
  assert.notEqual((await running).error, null);
  await rm(control.stallFile);
  const journal = join(stateDirectory, 'program', 'journal');
  assert.equal((await readdir(journal)).length, 1);
  const again = await start();
  t.after(() => again.close());
  assert.equal((await again.run('attach', site.attachEvent())).error, null);
  assert.deepEqual(await readdir(journal), []);
  assert.equal(await control.starts(), 2);
  assert.equal((await again.run('apply', event())).error, null);
  assert.deepEqual(await installed(control.bin), { one: `755 ${goodProgram('release 2')}` });
});

test('nothing is allowed unless the operator of the node says so', async (t) => {
  const closed = await setting(t, { allow: [] });
  assert.match(
    (await closed.prepare()).error?.message ?? '',
    /not among the destinations that this node allows/,
  );
  assert.match((await closed.install()).error?.message ?? '', /not among the destinations/);
  assert.deepEqual(await installed(closed.control.bin), {});
  const open = await setting(t);
  const unit = await open.prepare({ restart: 'sshd' });
  assert.match(unit.error?.message ?? '', /the unit sshd may not be restarted/);
  assert.equal(unit.retryable, false);
  const check = await open.prepare({ check: { args: [] } });
  assert.match(check.error?.message ?? '', /staged programs may not be run/);
  assert.match(check.error?.fix ?? '', /runChecks/);
});

test('a check runs the staged program before anything is changed, and its words are told', async (t) => {
  const { control, prepare, publish } = await setting(t, { runChecks: true });
  await publish('#!/bin/sh\ntest "$1" = ok && exit 0\necho "needs libfoo 2" >&2\nexit 4\n');
  assert.equal((await prepare({ check: { args: ['ok'] } })).error, null);
  const refused = await prepare({ check: {} });
  assert.match(refused.error?.message ?? '', /bin\/app ended with 4 when it was tried: needs libfoo 2/);
  assert.deepEqual(await installed(control.bin), {});
});

test('N58: a symbolic link leads neither out of the tree nor out of the allowed places', async (t) => {
  const { control, site, plugin, prepare, install } = await setting(t);
  const tree = site.live().directory;
  await symlink('/etc/passwd', join(tree, 'leak'));
  await symlink('/etc', join(tree, 'etc'));
  for (const from of ['leak', 'etc/passwd', '../1-0001/bin/app', '/etc/passwd', 'bin//app', 'bin', 'none']) {
    const { error } = await prepare({ from });
    assert.ok(error !== null && (error.fix ?? '').length > 10, from);
    assert.notEqual((await install({ from })).error, null, from);
  }
  const outside = join(control.root, 'outside');
  await mkdir(outside);
  await symlink(outside, join(control.bin, 'sub'));
  const wide = await startPlugin(program, { config: { ...control.config, allow: [`${control.bin}/**`] } });
  t.after(() => wide.close());
  const led = installEvent(site, { from: 'bin/app', to: join(control.bin, 'sub', 'app') });
  assert.match((await wide.run('apply', led)).error?.message ?? '', /really .*outside\/app\) is not among/);
  await symlink('/etc/passwd', join(control.bin, 'linked'));
  const onto = installEvent(site, { from: 'bin/app', to: join(control.bin, 'linked') });
  assert.match((await plugin.run('apply', onto)).error?.message ?? '', /is a symbolic link/);
  assert.deepEqual(await readdir(outside), []);
});

test('a directory that everybody may write to is no place for a program', async (t) => {
  const { control, prepare } = await setting(t);
  await chmod(control.bin, 0o777);
  assert.match((await prepare()).error?.message ?? '', /everybody may write to/);
});

testNeeding(
  ['root', 'getent'],
  'a program gets its owner; one the node does not know is refused before',
  async (t) => {
    const { to, prepare, install } = await setting(t);
    const unknown = await prepare({ owner: 'no-such-user' });
    assert.match(unknown.error?.message ?? '', /this node has no user no-such-user/);
    assert.equal((await install({ owner: 'nobody', group: 1, mode: '0755' })).error, null);
    const facts = await stat(to);
    assert.equal(facts.gid, 1);
    assert.equal(facts.uid, 65_534);
  },
);

test('an unknown command and wrong parameters are refused, every problem at once', async (t) => {
  const { site, plugin } = await setting(t);
  const event = installEvent(site, {
    from: '../x',
    to: 'usr/bin/x',
    mode: '4755',
    shell: 'rm -rf /',
    restart: '-a',
  });
  const { error, retryable } = await plugin.run('prepare', event);
  for (const key of ['from', 'to', 'mode', 'shell', 'restart'])
    assert.match(error?.message ?? '', new RegExp(key));
  assert.equal(retryable, false);
  const other = await plugin.run('prepare', { ...event, command: 'program.remove' });
  assert.match(other.error?.message ?? '', /no command program\.remove/);
});

test('parameters: whatever comes is read or refused with a PluginError, and never lets everybody write', () => {
  fc.assert(
    fc.property(
      fc.record({
        from: fc.oneof(fc.constant('bin/app'), fc.string(), fc.constantFrom('a/../b', '/a', 'a//b', '.')),
        to: fc.oneof(fc.constant('/usr/local/bin/app'), fc.string()),
        mode: fc.oneof(fc.constantFrom('755', '0644', '777', '4755', ''), fc.string(), fc.integer()),
      }),
      (parameters) => {
        try {
          const read = readInstallParameters(parameters);
          assert.equal(read.mode & ~0o775, 0);
          assert.ok(!read.from.split('/').includes('..') && !read.from.startsWith('/'));
        } catch (error) {
          assert.equal((error as Error).name, 'PluginError');
        }
      },
    ),
  );
});
