import assert from 'node:assert/strict';
import { chmod, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createSiteOnDisk, type StartedPlugin, startPlugin, testNeeding } from 'treecast/plugin/testing';
import { configFile } from './config-file.ts';
import {
  type NginxWithSnippets,
  snippet,
  startNginx,
  untilAnswers,
  writeEvent,
} from './testing/nginx-with-snippets.ts';
import { readWriteParameters } from './write-parameters.ts';

type Run = ReturnType<StartedPlugin['run']>;

interface Setting {
  readonly nginx: NginxWithSnippets;
  readonly to: string;
  readonly journal: () => Promise<string[]>;
  publish(text: string): Promise<void>;
  prepare(parameters?: Record<string, unknown>): Run;
  write(parameters?: Record<string, unknown>): Run;
}

async function setting(t: TestContext, config: Record<string, unknown> = {}): Promise<Setting> {
  const nginx = await startNginx();
  t.after(() => nginx.stop());
  const site = await createSiteOnDisk('docs', { 'server.conf': snippet('page', 'release 1') });
  t.after(() => site.remove());
  const plugin = await startPlugin(configFile, { config: { ...nginx.config, ...config } });
  t.after(() => plugin.close());
  const to = join(nginx.snippets, 'docs.conf');
  const event = (parameters: Record<string, unknown>) =>
    writeEvent(site, { from: 'server.conf', to, validate: 'nginx', reload: 'nginx', ...parameters });
  return {
    nginx,
    to,
    journal: () => readdir(join(plugin.stateDirectory, 'config-file', 'journal')),
    publish: async (text) => site.switchTo(await site.stage({ 'server.conf': text })),
    prepare: (parameters = {}) => plugin.run('prepare', event(parameters)),
    write: (parameters = {}) => plugin.run('apply', event(parameters)),
  };
}

const nginxNeeds = ['nginx'];

testNeeding(nginxNeeds, 'N29: a file is written and nginx reloaded only when it differs', async (t) => {
  const { nginx, to, write, publish } = await setting(t);
  assert.match((await write()).answer?.note ?? '', /docs\.conf written, nginx reloaded/);
  await untilAnswers(() => nginx.get('page'), '200 release 1');
  assert.equal((await stat(to)).mode & 0o777, 0o644);
  assert.match((await write()).answer?.note ?? '', /as it should be/);
  await publish(snippet('page', 'release 2'));
  assert.equal((await write({ mode: '640' })).error, null);
  await untilAnswers(() => nginx.get('page'), '200 release 2');
  assert.equal((await stat(to)).mode & 0o777, 0o640);
});

testNeeding(
  nginxNeeds,
  'N52: what a validator refuses is held before the switch, with its words',
  async (t) => {
    const { nginx, prepare, publish } = await setting(t);
    await publish('location = /page { retrun 200; }\n');
    const { error, retryable } = await prepare({ validate: 'snippet' });
    assert.match(error?.message ?? '', /server\.conf is refused by snippet.*unknown directive "retrun"/s);
    assert.match(error?.message ?? '', / in server\.conf:1/);
    assert.equal(retryable, false);
    assert.deepEqual(await nginx.written(), {});
  },
);

testNeeding(
  nginxNeeds,
  'what is wrong only in place is taken back; nginx goes on with the former',
  async (t) => {
    const { nginx, write, publish, journal } = await setting(t);
    await writeFile(join(nginx.snippets, 'other.conf'), snippet('other', 'other'));
    await write();
    await publish(snippet('other', 'twice the same location'));
    const { error } = await write();
    assert.match(error?.message ?? '', /refused by nginx.*duplicate location.*the former file was put back/s);
    assert.equal((await nginx.written())['docs.conf'], snippet('page', 'release 1'));
    await untilAnswers(() => nginx.get('page'), '200 release 1');
    assert.deepEqual(await journal(), []);
  },
);

testNeeding(nginxNeeds, 'a new file that fails is removed again', async (t) => {
  const { nginx, write, publish } = await setting(t);
  await publish('nonsense\n');
  const { error } = await write();
  assert.match(error?.message ?? '', /it was removed again$/);
  assert.deepEqual(await nginx.written(), {});
  await untilAnswers(() => nginx.get('health'), '204 ');
});

testNeeding(nginxNeeds, 'N68: valid, reloaded, but it does not work: the former file is back', async (t) => {
  const { nginx, write, publish } = await setting(t);
  await publish(snippet('checked', 'fine'));
  assert.equal((await write({ reload: 'checked' })).error, null);
  await untilAnswers(() => nginx.get('checked'), '200 fine');
  await publish('location = /checked { return 503; }\n');
  const { error } = await write({ reload: 'checked' });
  assert.match(error?.message ?? '', /does not work after the reload checked.*put back and is in use/s);
  assert.match(error?.fix ?? '', /reloads\.checked/);
  await untilAnswers(() => nginx.get('checked'), '200 fine');
});

testNeeding(nginxNeeds, 'a reload that fails also for the former file says both', async (t) => {
  const { nginx, write, publish } = await setting(t);
  await write();
  await publish(snippet('page', 'release 2'));
  const { error } = await write({ reload: 'broken' });
  assert.match(
    error?.message ?? '',
    /the reload broken failed.*put back, but then: the reload broken failed/s,
  );
  assert.equal((await nginx.written())['docs.conf'], snippet('page', 'release 1'));
});

testNeeding(nginxNeeds, 'the node’s operator decides: places, validators, reloads', async (t) => {
  const { nginx, prepare, write } = await setting(t, { requireValidate: true });
  for (const [parameters, expected] of [
    [{ to: '/etc/passwd' }, /not among the destinations/],
    [{ to: join(nginx.root, 'nginx.conf') }, /not among the destinations/],
    [{ to: `${nginx.snippets}/../nginx.conf` }, /no absolute path of a file/],
    [{ validate: 'none' }, /no validator none/],
    [{ validate: 'constructor' }, /no validator constructor/],
    [{ validate: undefined }, /wants every configuration file validated/],
    [{ reload: 'none' }, /no reload none/],
    [{ from: '../live/server.conf' }, /segment "\.\."/],
  ] as const) {
    for (const run of [await prepare(parameters), await write(parameters)]) {
      assert.match(run.error?.message ?? '', expected);
      assert.equal(run.retryable, false);
    }
  }
  await chmod(nginx.snippets, 0o777);
  assert.match((await write()).error?.message ?? '', /everybody may write to/);
  await chmod(nginx.snippets, 0o755);
  await symlink('/etc/hostname', join(nginx.snippets, 'docs.conf'));
  assert.match((await write()).error?.message ?? '', /is a symbolic link/);
});

test('parameters: read or refused with a PluginError, and never a mode that others may write with', () => {
  fc.assert(
    fc.property(
      fc.record({
        from: fc.oneof(fc.constant('etc/app.conf'), fc.string()),
        to: fc.oneof(fc.constant('/etc/app.conf'), fc.string()),
        mode: fc.oneof(
          fc.constantFrom('644', '0600', '666', '755', '4644', '000'),
          fc.string(),
          fc.integer(),
        ),
      }),
      (parameters) => {
        try {
          assert.equal(readWriteParameters(parameters).mode & ~0o664, 0);
        } catch (error) {
          assert.equal((error as Error).name, 'PluginError');
        }
      },
    ),
  );
  assert.throws(() => readWriteParameters({ from: '', shell: 1 }), /from: .*to: .*shell/s);
});
