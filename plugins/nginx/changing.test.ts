// How files of a real nginx are changed: tested first, reloaded once and only when they differ, put back when nginx refuses; and the
// operator's own files stay as they are, byte for byte.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSiteOnDisk, directorySnapshot, testNeeding, until } from 'treecast/plugin/testing';
import { createChangeQueue } from './change-queue.ts';
import { prepareNginx } from './testing/beside-nginx.ts';
import { createRealNginx, type RealNginx } from './testing/real-nginx.ts';
import { startPlugin } from './testing/start-plugin.ts';

/** nginx answers also before it serves the site: with what its own prefix has. */
const bodyOf = async (real: RealNginx): Promise<string> => (await real.get('/')).body;

testNeeding(
  ['nginx'],
  'attach writes, tests and reloads once; the second time it does nothing at all (N29)',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    await real.start();
    const plugin = await startPlugin(real);
    assert.match((await plugin.call('attach', site.attachEvent()))?.note ?? '', /^nginx reloaded$/);
    assert.deepEqual([await bodyOf(real), real.reloads()], ['one', 1]);
    const file = join(real.includeDirectory, 'docs.conf');
    assert.match(readFileSync(file, 'utf8'), /^# Written by Treecast for the site docs/);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    const ran = plugin.ran.length;
    const again = await plugin.call('attach', site.attachEvent());
    assert.deepEqual([again?.note, plugin.ran.length, real.reloads()], ['configuration as it was', ran, 1]);
    const restarted = await startPlugin(real);
    await restarted.call('attach', site.attachEvent());
    assert.deepEqual(
      restarted.ran.map((words) => words[1]),
      ['-V'],
    );
  },
);

testNeeding(['nginx'], 'attaches that come together cost one reload (N29)', async (context) => {
  const { real } = await prepareNginx(context, { http: 'include treecast/b*.conf;' });
  await real.start();
  const sites = await Promise.all(
    ['b1', 'b2', 'b3', 'b4'].map((name) => createSiteOnDisk(name, { 'index.html': name })),
  );
  context.after(() => Promise.all(sites.map((one) => one.remove())));
  const plugin = await startPlugin(real, {
    servers: Object.fromEntries(
      sites.map(({ site }) => [
        site,
        { listen: [`unix:${real.prefix}/${site}.sock`], serverName: [`${site}.test`] },
      ]),
    ),
  });
  await Promise.all(sites.map((one) => plugin.call('attach', one.attachEvent())));
  assert.equal(real.reloads(), 1);
  for (const { site } of sites)
    assert.equal((await real.get('/', {}, join(real.prefix, `${site}.sock`))).body, site);
});

testNeeding(
  ['nginx'],
  'where nginx does not run, files are written and tested, and that is said',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    const plugin = await startPlugin(real);
    assert.match((await plugin.call('attach', site.attachEvent()))?.note ?? '', /nginx does not run here/);
    assert.deepEqual(
      plugin.ran.map((words) => words[1]),
      ['-V', '-t'],
    );
    await real.start();
    assert.equal(await bodyOf(real), 'one');
  },
);

testNeeding(
  ['nginx'],
  'what nginx refuses is put back, with its own message, and the old one serves on (N9)',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    const good = await startPlugin(real);
    await good.call('attach', site.attachEvent());
    await real.start();
    const before = await directorySnapshot(real.includeDirectory);
    const wrong = await startPlugin(real, {
      servers: {
        docs: {
          listen: [`unix:${real.prefix}/x.sock ssl`],
          tls: { certificate: '/nowhere/cert.pem', key: '/nowhere/key.pem' },
        },
      },
    });
    await assert.rejects(wrong.call('attach', site.attachEvent()), (error: Error & { fix?: string }) => {
      assert.match(error.message, /nginx refuses the configuration: \[emerg\].*docs\.conf:\d+/s);
      assert.match(error.fix ?? '', /nginx -t -c /);
      return true;
    });
    assert.deepEqual(await directorySnapshot(real.includeDirectory), before);
    assert.deepEqual([await bodyOf(real), real.reloads()], ['one', 0]);
    assert.equal((await good.call('attach', site.attachEvent()))?.note, 'configuration as it was');
  },
);

testNeeding(
  ['nginx'],
  'a reload that is accepted and fails later is caught, and undone (N68)',
  async (context) => {
    const { real, site } = await prepareNginx(context, { http: 'include treecast/other.con[f];' });
    const other = await createSiteOnDisk('other', { 'index.html': 'other' });
    context.after(() => other.remove());
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    context.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const plugin = await startPlugin(real, {
      reloadSeconds: 0.5,
      servers: { other: { listen: [`127.0.0.1:${port}`] } },
    });
    await plugin.call('attach', site.attachEvent());
    await real.start();
    // `nginx -t` and `nginx -s reload` both succeed; the master cannot have the port.
    await assert.rejects(
      plugin.call('attach', other.attachEvent()),
      /the reload did not take effect: .*Address already in use/s,
    );
    assert.equal(existsSync(join(real.includeDirectory, 'other.conf')), false);
    assert.equal(
      existsSync(join(real.prefix, 'state/nginx/reload-owed')),
      false,
      'nothing is owed: the former files were taken',
    );
    assert.equal(await bodyOf(real), 'one');
    await new Promise((resolve) => taken.close(resolve));
    await plugin.call('attach', other.attachEvent());
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(await answer.text(), 'other');
  },
);

testNeeding(['nginx'], 'a reload program that fails: put back, told with its words', async (context) => {
  const { real, site } = await prepareNginx(context);
  await real.start();
  const plugin = await startPlugin(real, {
    reload: { program: 'sh', args: ['-c', 'echo unit is masked >&2; exit 3'] },
  });
  await assert.rejects(plugin.call('attach', site.attachEvent()), /the reload failed: sh .*unit is masked/);
  assert.deepEqual(readdirSync(real.includeDirectory), []);
  const mended = await startPlugin(real);
  await mended.call('attach', site.attachEvent());
  assert.equal(await bodyOf(real), 'one');
});

testNeeding(
  ['nginx'],
  'a crash between writing and reloading is made good at the next attach',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    const first = await startPlugin(real);
    await first.call('attach', site.attachEvent());
    const text = readFileSync(join(real.includeDirectory, 'docs.conf'), 'utf8');
    await first.call('detach', site.attachEvent());
    await real.start();
    writeFileSync(join(real.prefix, 'state/nginx/reload-owed'), '');
    writeFileSync(join(real.includeDirectory, 'docs.conf'), text);
    const again = await startPlugin(real);
    assert.match((await again.call('attach', site.attachEvent()))?.note ?? '', /^nginx reloaded/);
    assert.deepEqual([await bodyOf(real), real.reloads()], ['one', 1]);
  },
);

testNeeding(
  ['nginx'],
  'detach removes the file; where a configuration names it, one stays that answers 404',
  async (context) => {
    const { real, site } = await prepareNginx(context);
    const plugin = await startPlugin(real);
    await plugin.call('attach', site.attachEvent());
    await real.start();
    await plugin.call('detach', site.attachEvent());
    assert.deepEqual(readdirSync(real.includeDirectory), []);
    assert.notEqual(await bodyOf(real), 'one');

    const named = createRealNginx({ instead: 'include own.conf;' });
    context.after(() => named.close());
    writeFileSync(
      join(named.prefix, 'own.conf'),
      `server { listen unix:${named.socket}; include treecast/docs.conf; }`,
    );
    const other = await startPlugin(named);
    await other.call('attach', site.attachEvent());
    await named.start();
    assert.equal(await bodyOf(named), 'one');
    for (const _ of [1, 2]) {
      await other.call('detach', site.attachEvent());
      assert.deepEqual(
        [(await named.get('/')).status, readdirSync(named.includeDirectory)],
        [404, ['docs.conf']],
      );
    }
    assert.equal(named.reloads(), 1);
  },
);

testNeeding(
  ['nginx'],
  'odd configurations of the operator’s stay byte for byte, and are no hindrance',
  async (context) => {
    const odd: Record<string, Buffer> = {
      'conf.d/one.conf': Buffer.from(
        'map $uri $x {\n\tdefault \'a;b}\';\n  "~^/\\{q\\}" "c # no comment"; # a comment with } and ; \xe9\n}\r\n',
        'latin1',
      ),
      'conf.d/two words.conf': Buffer.from(
        `log_format odd '"$request" \\'$status\\' $\{request_time}' ;`,
        'utf8',
      ),
      'conf.d/deep.inc': Buffer.from('include conf.d/deeper/*.inc;'),
      'conf.d/deeper/a.inc': Buffer.from(
        'server{listen unix:PREFIX/odd.sock;server_name ~^(?<n>.+)\\.odd$ "";location ~\\.x$ {return 204;}location / { return 200 "\xff\xfe odd"; }}',
        'latin1',
      ),
      'conf.d/empty.conf': Buffer.alloc(0),
    };
    const real = createRealNginx({
      instead:
        'include conf.d/*.conf; include conf.d/deep.inc; include "conf.d/nothing-*.conf"; server { listen unix:./http.sock; include treecast/docs.con[f]; }'.replace(
          './http.sock',
          'PREFIX/http.sock',
        ),
    });
    context.after(() => real.close());
    const site = await createSiteOnDisk('docs', { 'index.html': 'one' });
    context.after(() => site.remove());
    const main = readFileSync(real.mainConfiguration, 'latin1').replaceAll('PREFIX', real.prefix);
    writeFileSync(real.mainConfiguration, main, 'latin1');
    mkdirSync(join(real.prefix, 'conf.d/deeper'), { recursive: true });
    for (const [path, bytes] of Object.entries(odd))
      writeFileSync(
        join(real.prefix, path),
        Buffer.from(bytes.toString('latin1').replaceAll('PREFIX', real.prefix), 'latin1'),
      );
    const before = await directorySnapshot(join(real.prefix, 'conf.d'));
    const plugin = await startPlugin(real);
    await plugin.call('attach', site.attachEvent());
    await real.start();
    assert.equal(await bodyOf(real), 'one');
    await plugin.call('detach', site.attachEvent());
    assert.deepEqual(await directorySnapshot(join(real.prefix, 'conf.d')), before);
    assert.equal(readFileSync(real.mainConfiguration, 'latin1'), main);
    assert.deepEqual(
      readdirSync(real.prefix).filter((name) => name.endsWith('.tmp')),
      [],
    );
  },
);

testNeeding(
  ['nginx'],
  'a broken configuration of the operator’s is refused with nginx’s message, and nothing of it is touched',
  async (context) => {
    for (const [broken, message] of [
      ['conf.d/broken.conf:server { listen 80 ', /unexpected end of file/],
      ['conf.d/broken.conf:no_such_directive on;', /unknown directive "no_such_directive"/],
      [
        'conf.d/broken.conf:content_by_lua_block { ngx.say("}") }',
        /unknown directive "content_by_lua_block"/,
      ],
      ['conf.d/broken.conf:}', /unexpected "}"/],
      ['conf.d/broken.conf:charset "a;', /unexpected end of file/],
    ] as const) {
      const { real, site } = await prepareNginx(context, { http: 'include conf.d/*.conf;' });
      mkdirSync(join(real.prefix, 'conf.d'));
      const [path, text] = [broken.slice(0, broken.indexOf(':')), broken.slice(broken.indexOf(':') + 1)];
      writeFileSync(join(real.prefix, path), text);
      const plugin = await startPlugin(real);
      await assert.rejects(plugin.call('attach', site.attachEvent()), message);
      assert.equal(readFileSync(join(real.prefix, path), 'utf8'), text);
      assert.deepEqual(readdirSync(real.includeDirectory), []);
    }
  },
);

testNeeding(['nginx'], 'hooks that are stopped in the middle leave the former files', async (context) => {
  const { real, site } = await prepareNginx(context);
  await real.start();
  const plugin = await startPlugin(real, { reload: { program: 'sh', args: ['-c', 'exec sleep 60'] } });
  const controller = new AbortController();
  const attached = plugin.call('attach', site.attachEvent(), { signal: controller.signal });
  await until('the reload hangs', () => plugin.ran.some(([program]) => program === 'sh'));
  controller.abort();
  await assert.rejects(attached);
  assert.equal(existsSync(join(real.includeDirectory, 'docs.conf')), false);
  const again = await startPlugin(real);
  await again.call('attach', site.attachEvent());
  assert.equal(await bodyOf(real), 'one');
});

testNeeding(
  ['nginx'],
  'two instances take turns: what one tries out is no hindrance to the other',
  async (context) => {
    const { real, site } = await prepareNginx(context, { http: 'include treecast/other.con[f];' });
    const other = await createSiteOnDisk('other', { 'index.html': 'other' });
    context.after(() => other.remove());
    const slow = join(real.prefix, 'slow-nginx');
    writeFileSync(slow, '#!/bin/sh\nPATH="$PATH:/usr/sbin:/sbin"\nsleep 0.5\nexec nginx "$@"\n', {
      mode: 0o755,
    });
    const first = await startPlugin(real, { program: slow, siteConfiguration: {} }, 'first');
    await first.call('attach', site.attachEvent());
    const second = await startPlugin(
      real,
      { servers: { other: { listen: [`unix:${real.prefix}/other.sock`] } } },
      'second',
    );
    const bad = await site.stage({ 'index.html': 'two', 'treecast/nginx.conf': 'expires nonsense;' });
    const ran = first.ran.length;
    const refused = assert.rejects(first.call('beforeSwitch', site.beforeSwitchEvent(bad)), /invalid value/);
    await until('it is tested', () => first.ran.length > ran);
    await second.call('attach', other.attachEvent());
    await refused;
  },
);

test('a change that is tried out leaves nothing, whatever the judgement; the next in the queue sees the former files', async (context) => {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const directory = await mkdtemp(join(tmpdir(), 'treecast-queue-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'a.conf');
  const seen: string[] = [];
  let reloads = 0;
  const queue = createChangeQueue({
    name: directory,
    marker: join(directory, 'owed'),
    test: () => {
      seen.push(existsSync(file) ? readFileSync(file, 'utf8') : '');
      return seen.at(-1) === 'bad' ? Promise.reject(new Error('refused')) : Promise.resolve();
    },
    reload: () => {
      reloads += 1;
      return Promise.resolve('reloaded' as const);
    },
    collectMs: 1,
  });
  const { signal } = new AbortController();
  const results = await Promise.allSettled([
    queue.tryOut(new Map([[file, 'tried']]), signal),
    queue.apply(new Map([[file, 'good']]), signal),
    queue.tryOut(new Map([[file, 'bad']]), signal),
    queue.apply(new Map([[file, 'bad']]), signal),
    queue.apply(new Map([[file, 'good']]), signal),
    queue.apply(new Map([[file, 'better']]), AbortSignal.abort(new Error('gone'))),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected'],
  );
  assert.deepEqual(
    [seen.slice(0, 4), readFileSync(file, 'utf8'), reloads],
    [['tried', 'good', 'bad', 'bad'], 'good', 1],
  );
  assert.deepEqual(readdirSync(directory), ['a.conf']);
  await queue.settled();
});
