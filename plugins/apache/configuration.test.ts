import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PluginError } from 'treecast/plugin';
import { testNeeding } from 'treecast/plugin/testing';
import { apacheProgram, createRealApache, type RealApache } from './testing/real-apache.ts';
import { createReadableSite, docsServer, serve, startPlugin } from './testing/start-plugin.ts';

const needs = [apacheProgram];
const page = { 'index.html': 'page' };

const told =
  (expected: RegExp, fix = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof PluginError, String(error));
    assert.match(error.message, expected);
    assert.match(error.fix ?? '', fix);
    return true;
  };

async function started(t: TestContext, main: string | Uint8Array = '', running = true): Promise<RealApache> {
  const real = await createRealApache({ main });
  t.after(() => real.close());
  if (running) await real.start();
  return real;
}

testNeeding(
  needs,
  'N9: odd configurations of the operator are read and kept byte for byte; his virtual host includes ours',
  async (t) => {
    const real = await started(t, '', false);
    const odd = Buffer.concat([
      Buffer.from(`# caf`),
      Buffer.from([0xe9, 0xff, 0xfe, 0x0a]),
      Buffer.from(`
<IfModule !mod_lua.c>
  Define ODD "with 'quotes' \\" and blanks"
</IfModule>
<IfModule mod_lua.c>
  LuaHookFixups "/srv/x.lua" handle
</IfModule>
IncludeOptional ${real.root}/more/*.conf
<VirtualHost *:${real.port}>\r
\tServerName   "docs.test"\r
  ServerAlias www.docs.test \\
     other.docs.test
  DirectoryIndex home.html index.html
  IncludeOptional treecast/docs.in[c]
  <Directory "${real.root}">
    SetEnvIf User-Agent "a<b>c" odd
  </Directory>
</VirtualHost>
`),
    ]);
    appendFileSync(real.mainConfiguration, odd);
    const before = readFileSync(real.mainConfiguration);
    await real.start();
    const site = await createReadableSite(t, page);
    const plugin = await startPlugin(real);
    const answer = await plugin.call('attach', site.attachEvent());
    assert.deepEqual(readFileSync(real.mainConfiguration), before);
    assert.equal((await real.get('/')).body, 'page');
    assert.equal(answer?.note, 'Apache reloaded');
    assert.deepEqual(answer?.urlMap?.origins, [
      `http://docs.test:${real.port}`,
      `http://www.docs.test:${real.port}`,
      `http://other.docs.test:${real.port}`,
    ]);
    assert.deepEqual(answer?.urlMap?.index, ['home.html', 'index.html']);
    await plugin.call('detach', site.attachEvent());
    assert.deepEqual(readFileSync(real.mainConfiguration), before);
    assert.deepEqual([existsSync(join(real.includeDirectory, 'docs.inc')), real.reloads()], [false, 2]);
  },
);

testNeeding(
  needs,
  'N9: a broken configuration is refused in Apache’s words; what was there before is back',
  async (t) => {
    const { real, site, plugin } = await serve(t, page);
    const file = join(real.includeDirectory, 'docs.conf');
    const before = readFileSync(file);
    writeFileSync(join(real.includeDirectory, 'zz.conf'), 'ServerName x\nBrokenDirective on\n');
    const other = await startPlugin(real, { servers: docsServer(real.port), index: ['home.html'] });
    await assert.rejects(
      other.call('attach', site.attachEvent()),
      told(/refuses its configuration: [\s\S]*line 2 of .*zz\.conf[\s\S]*Invalid command 'BrokenDirective'/),
    );
    assert.deepEqual(readFileSync(file), before);
    assert.equal((await real.get('/')).body, 'page');
    assert.equal(real.reloads(), 1);
    rmSync(join(real.includeDirectory, 'zz.conf'));
    assert.equal((await other.call('attach', site.attachEvent()))?.note, 'Apache reloaded');
    assert.equal((await plugin.call('attach', site.attachEvent()))?.note, 'Apache reloaded');
  },
);

testNeeding(needs, 'a reload that fails later is noticed, and our former file is back', async (t) => {
  const { real, site } = await serve(t, page);
  const file = join(real.includeDirectory, 'docs.conf');
  const before = readFileSync(file);
  // The test of a configuration opens no log; the reload does, finds a directory, and ends Apache.
  appendFileSync(real.mainConfiguration, `\nCustomLog ${real.root} "%h"\n`);
  const other = await startPlugin(real, { servers: docsServer(real.port), index: ['home.html'] });
  await assert.rejects(
    other.call('attach', site.attachEvent()),
    told(/Apache ended while it reloaded/, /error log, then start it/),
  );
  assert.deepEqual(readFileSync(file), before);
});

testNeeding(needs, 'a reload that Apache never carries out is an error within its time', async (t) => {
  const real = await started(t);
  const site = await createReadableSite(t, page);
  const config = { servers: docsServer(real.port), reload: { program: 'true' }, reloadSeconds: 0.3 };
  const plugin = await startPlugin(real, config);
  await assert.rejects(
    plugin.call('attach', site.attachEvent()),
    told(/has not taken the configuration over within 0\.3 s/),
  );
  assert.equal(existsSync(join(real.includeDirectory, 'docs.conf')), false);
  const refusing = await startPlugin(real, { ...config, reload: { program: 'false' } });
  await assert.rejects(
    refusing.call('attach', site.attachEvent()),
    told(/could not be reloaded/, /may reload it/),
  );
});

testNeeding(needs, 'an Apache that does not run is not started: written and tested', async (t) => {
  const real = await started(t, '', false);
  const site = await createReadableSite(t, page);
  const plugin = await startPlugin(real, { servers: docsServer(real.port) });
  const answer = await plugin.call('attach', site.attachEvent());
  assert.match(answer?.note ?? '', /not running here: written and tested/);
  await assert.rejects(real.get('/'));
  await real.start();
  assert.equal((await real.get('/')).body, 'page');
});

testNeeding(
  needs,
  'sites that are attached together share one test and one reload; one that is wrong fails alone',
  async (t) => {
    const real = await started(t);
    const names = ['a', 'b', 'c', 'd'];
    const sites = [];
    for (const name of names) sites.push(await createReadableSite(t, { 'index.html': name }, name));
    const servers = Object.fromEntries(
      names.map((name) => [name, { listen: [`127.0.0.1:${real.port}`], serverName: `${name}.test` }]),
    );
    writeFileSync(join(real.includeDirectory, 'c.conf'), '# the operator’s own\n');
    const plugin = await startPlugin(real, { servers });
    const results = await Promise.allSettled(sites.map((site) => plugin.call('attach', site.attachEvent())));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.match(
      String(results[2]?.status === 'rejected' && results[2].reason),
      /was not written by Treecast/,
    );
    assert.equal(readFileSync(join(real.includeDirectory, 'c.conf'), 'utf8'), '# the operator’s own\n');
    for (const name of ['a', 'b', 'd'])
      assert.equal((await real.get('/', { host: `${name}.test` })).body, name);
    rmSync(join(real.includeDirectory, 'c.conf'));
    const reloads = real.reloads();
    const other = await startPlugin(real, { servers, index: ['index.html', 'index.htm'] });
    await Promise.all(sites.map((site) => other.call('attach', site.attachEvent())));
    assert.equal(real.reloads(), reloads + 1);
    assert.equal(other.ran.filter((one) => one.includes('-t')).length, 1);
  },
);

testNeeding(
  needs,
  'a reload that a crash left owed is made up for; otherwise nothing is reloaded twice',
  async (t) => {
    const { real, site, plugin } = await serve(t, page);
    assert.equal((await plugin.call('attach', site.attachEvent()))?.note, 'configuration as it was');
    assert.equal(real.reloads(), 1);
    // As after a crash between writing and reloading: the file is younger than what Apache runs by.
    const soon = Date.now() / 1000 + 1;
    utimesSync(join(real.includeDirectory, 'docs.conf'), soon, soon);
    assert.equal((await plugin.call('attach', site.attachEvent()))?.note, 'Apache reloaded');
  },
);

testNeeding(needs, 'what is missing is named: an include, a module', async (t) => {
  const real = await started(t);
  const site = await createReadableSite(t, page);
  const own = await startPlugin(real);
  await assert.rejects(
    own.call('attach', site.attachEvent()),
    told(/docs\.inc is written, but no configuration of Apache includes it/, /IncludeOptional .*docs\.inc/),
  );
  const modules = ['mpm_event', 'authz_core', 'dir', 'mime'];
  const bare = await createRealApache({ modules });
  t.after(() => bare.close());
  const plugin = await startPlugin(bare, { servers: docsServer(bare.port) });
  await assert.rejects(
    plugin.call('attach', site.attachEvent()),
    told(/Invalid command 'RewriteEngine'/, /a2enmod rewrite headers/),
  );
});

testNeeding(
  needs,
  'a site that is taken away while a virtual host names its file leaves an empty one',
  async (t) => {
    const vhost =
      '<VirtualHost *:PORT>\nServerName docs.test\nInclude ROOT/treecast/docs.inc\n</VirtualHost>\n';
    const real = await createRealApache({ main: vhost });
    t.after(() => real.close());
    writeFileSync(join(real.includeDirectory, 'docs.inc'), '# Written by Treecast (plugin apache)\n');
    await real.start();
    const site = await createReadableSite(t, page);
    const plugin = await startPlugin(real);
    await plugin.call('attach', site.attachEvent());
    assert.equal((await real.get('/')).body, 'page');
    await plugin.call('detach', site.attachEvent());
    assert.match(readFileSync(join(real.includeDirectory, 'docs.inc'), 'utf8'), /is not on this node/);
    assert.notEqual((await real.get('/')).body, 'page');
  },
);

testNeeding(
  needs,
  'after a reload nobody answers by the former configuration, whatever takes the connections',
  async (t) => {
    for (const mpm of ['mpm_prefork', 'mpm_worker', 'mpm_event']) {
      const modules = [mpm, 'authz_core', 'dir', 'mime', 'rewrite', 'headers', 'alias'];
      const { real, site } = await serve(t, page, {}, { modules });
      assert.equal((await real.get('/')).body, 'page');
      for (let turn = 0; turn < 4; turn++) {
        // Elsewhere the main server answers, with 403.
        const serverName = turn % 2 === 0 ? 'other.test' : 'docs.test';
        const servers = { docs: { listen: [`127.0.0.2:${real.port + turn}`], serverName } };
        const plugin = await startPlugin(
          real,
          turn % 2 === 0 ? { servers } : { servers: docsServer(real.port) },
        );
        await plugin.call('attach', site.attachEvent());
        const answers = await Promise.all([1, 2, 3, 4].map(() => real.get('/')));
        assert.deepEqual(
          new Set(answers.map(({ status }) => status)),
          new Set([turn % 2 === 0 ? 403 : 200]),
          mpm,
        );
      }
    }
  },
);
