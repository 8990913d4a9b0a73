import assert from 'node:assert/strict';
import { PluginError } from 'treecast/plugin';
import { testNeeding } from 'treecast/plugin/testing';
import { apacheProgram } from './testing/real-apache.ts';
import { serve, startPlugin } from './testing/start-plugin.ts';

const needs = [apacheProgram];
const rewrite = 'RewriteEngine On\nRewriteRule ^old\\.html$ new.html [L]\n';

testNeeding(
  needs,
  'N9: a broken .htaccess is held before the switch, with Apache’s words and its path',
  async (t) => {
    const { real, site, plugin, publish } = await serve(
      t,
      { 'index.html': 'page' },
      { pin: false, allowOverride: ['FileInfo', 'Indexes'] },
    );
    await publish({ 'index.html': 'page', 'sub/.htaccess': rewrite, 'sub/new.html': 'new' });
    assert.equal((await real.get('/sub/old.html')).body, 'new');
    const judge = async (text: string, path = 'sub/.htaccess') => {
      const staged = await site.stage({ 'index.html': 'page', 'sub/new.html': 'new', [path]: text });
      return plugin.call('beforeSwitch', site.beforeSwitchEvent(staged));
    };
    const cases: readonly (readonly [string, RegExp])[] = [
      [`${rewrite}RewriteRul ^a b\n`, /line 3 of sub\/\.htaccess:\s+Invalid command 'RewriteRul'/],
      ['RewriteRule ^(a b [L]\n', /line 1 of sub\/\.htaccess:\s+RewriteRule: cannot compile/],
      ['<Files x>\nRewriteEngine On\n', /sub\/\.htaccess:1: <Files> was not closed/],
      [
        'DirectoryIndex a.html\nAuthType Basic\n',
        /line 2 of sub\/\.htaccess: authtype needs AllowOverride AuthConfig/,
      ],
      ['Options +Indexes\n', /options needs AllowOverride Options, and this site has FileInfo Indexes/],
      ['Include /etc/passwd\n', /line 1 of sub\/\.htaccess: include is not allowed/],
      [
        '<IfModule !x>\nInclude\\\nOptional /etc/passwd\n</IfModule>\n',
        /line 2 of .*includeoptional is not allowed/,
      ],
      ['"Include" /etc/passwd\n', /include is not allowed/],
      ['AllowOverride All\n', /allowoverride is not allowed/],
      ['</Directory>\nUser root\n', /is not allowed|sub\/\.htaccess/],
      ['</Directory>\n<Files x>\n', /sub\/\.htaccess/],
      ['Order allow,deny \\', /order needs AllowOverride Limit/],
      ['x'.repeat(300_000), /more than 262144 bytes/],
    ];
    for (const [text, expected] of cases) {
      await assert.rejects(judge(text), (error) => {
        assert.ok(error instanceof PluginError && !error.retryable && error.fix !== undefined, String(error));
        assert.match(error.message, expected);
        assert.doesNotMatch(error.message, /root:x|state\/apache/);
        return true;
      });
    }
    assert.match((await judge(`${rewrite}# end \\`))?.note ?? '', /1 \.htaccess tested/);
    assert.match(
      (await judge('DirectoryIndex a.html\n', 'odd "name" $x\\/.htaccess'))?.note ?? '',
      /1 \.htaccess tested/,
    );
    assert.equal(real.reloads(), 1);
    assert.equal((await real.get('/sub/old.html')).body, 'new');
  },
);

testNeeding(needs, '.htaccess files that are not read are told, and not obeyed', async (t) => {
  const { real, site, plugin, publish } = await serve(t, { 'index.html': 'page' });
  const files = { 'index.html': 'page', '.htaccess': 'Redirect 404 /index.html\nNonsense\n' };
  const staged = await site.stage(files);
  const answer = await plugin.call('beforeSwitch', site.beforeSwitchEvent(staged), { dryRun: true });
  assert.equal(answer?.note, '1 .htaccess not used (allowOverride: None)');
  await publish(files);
  assert.equal((await real.get('/index.html')).body, 'page');
});

testNeeding(needs, 'what changed is not known: every .htaccess of the tree is judged', async (t) => {
  const { real, site } = await serve(
    t,
    { 'index.html': 'page', 'a/.htaccess': 'Nonsense\n' },
    { pin: false },
  );
  const plugin = await startPlugin(real, { pin: false, allowOverride: 'All' });
  const event = { ...site.beforeSwitchEvent(site.live()), changes: () => Promise.resolve(null) };
  await assert.rejects(
    plugin.call('beforeSwitch', event),
    /line 1 of a\/\.htaccess:\s+Invalid command 'Nonsense'/,
  );
});
