import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { PluginError } from 'treecast/plugin';
import { testNeeding } from 'treecast/plugin/testing';
import { apacheConfigSchema } from './apache-config.ts';
import { type DropInFacts, dropIn } from './drop-in.ts';
import { apacheProgram, createRealApache } from './testing/real-apache.ts';
import { createReadableSite, startPlugin } from './testing/start-plugin.ts';

const run = promisify(execFile);
const factsOf = (directory: string): DropInFacts => ({
  site: 'docs',
  directory,
  liveLink: `${directory}/live`,
  map: { name: 'apache-docs', file: `${directory}/apache.map` },
  kept: 'kept/apache',
});

test('directories with signs that Apache gives a meaning are refused, not written', () => {
  const config = apacheConfigSchema.parse({});
  for (const sign of ['"', '\\', '$', '%', '\n', '\u0000'])
    assert.throws(() => dropIn(config, factsOf(`/sites/a${sign}b`)), PluginError);
});

test('the text is the same whatever release is live', () => {
  const config = apacheConfigSchema.parse({ twins: {}, keptAssets: {} });
  assert.equal(dropIn(config, factsOf('/sites/docs')), dropIn(config, factsOf('/sites/docs')));
  assert.doesNotMatch(dropIn(config, factsOf('/sites/docs')), /1-\d{4}/);
});

testNeeding([apacheProgram], 'whatever configuration is accepted, Apache accepts its text', async (t) => {
  const real = await createRealApache();
  t.after(() => real.close());
  const file = join(real.includeDirectory, 'docs.conf');
  const name = fc.stringMatching(/^[\w@+~,.-]{1,12}$/).filter((text) => text !== '.' && text !== '..');
  const directory = fc
    .string({
      unit: fc.constantFrom(
        'a',
        ' ',
        "'",
        '#',
        '<',
        '>',
        'é',
        '{',
        '(',
        '[',
        '*',
        '?',
        '^',
        ']',
        '\u{1f600}',
      ),
    })
    .map((text) => join(real.root, `d${text}e`));
  const config = fc.record({
    servers: fc.constantFrom(
      {},
      { docs: { serverName: 'docs.test', listen: ['*:8080', '[::1]:81'], aliases: ['*.x'] } },
    ),
    pin: fc.boolean(),
    except: fc.array(
      name.map((text) => `/${text}`),
      { maxLength: 3 },
    ),
    index: fc.array(name, { minLength: 1, maxLength: 3 }),
    fallback: fc.option(name, { nil: undefined }),
    errorPage: fc.option(name, { nil: undefined }),
    twins: fc.constantFrom(undefined, { encodings: ['gzip', 'br', 'zstd'] }),
    keptAssets: fc.constantFrom(undefined, {}, { paths: ['**', '_app/{x,y}/**', '*.[jc]s'] }),
    allowOverride: fc.constantFrom('None', ['AuthConfig', 'Indexes']),
  });
  const wholeVirtualHost = (text: string): string =>
    text.includes('<VirtualHost') ? text : `<VirtualHost *:8080>\nServerName x\n${text}</VirtualHost>\n`;
  await fc.assert(
    fc.asyncProperty(config, directory, async (input, site) => {
      mkdirSync(site, { recursive: true });
      writeFileSync(join(site, 'apache.map'), '');
      const facts = factsOf(site);
      const parsed = apacheConfigSchema.parse(input);
      writeFileSync(file, wholeVirtualHost(dropIn(parsed, parsed.pin ? facts : { ...facts, map: null })));
      await run(apacheProgram, ['-t', '-f', real.mainConfiguration], {
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      });
    }),
    { numRuns: 40 },
  );
});

testNeeding(
  [apacheProgram, 'openssl'],
  'a virtual host with TLS is served, and its URLs are https',
  async (t) => {
    const modules = [
      'mpm_event',
      'authz_core',
      'dir',
      'mime',
      'rewrite',
      'headers',
      'alias',
      'ssl',
      'socache_shmcb',
    ];
    const real = await createRealApache({ modules });
    t.after(() => real.close());
    const [certificate, key] = [join(real.root, 'cert.pem'), join(real.root, 'key.pem')];
    const made = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=docs.test',
    ];
    await run('openssl', ['req', '-x509', ...made, '-keyout', key, '-out', certificate]);
    await real.start();
    const site = await createReadableSite(t, { 'index.html': 'page' });
    const docs = { listen: [`127.0.0.1:${real.port}`], serverName: 'docs.test', tls: { certificate, key } };
    const plugin = await startPlugin(real, { servers: { docs } });
    const answer = await plugin.call('attach', site.attachEvent());
    assert.deepEqual(answer?.urlMap?.origins, [`https://docs.test:${real.port}`]);
    const ca = readFileSync(certificate);
    const tree = await new Promise((resolve, reject) => {
      request(
        { host: '127.0.0.1', port: real.port, servername: 'docs.test', headers: { host: 'docs.test' }, ca },
        (response) => {
          response.resume();
          resolve(response.headers['treecast-tree']);
        },
      )
        .on('error', reject)
        .end();
    });
    assert.equal(tree, site.live().tree);
  },
);
