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

testNeeding(
  needs,
  'N9: what Apache permits in its configuration and not in .htaccess is held before the switch',
  async (t) => {
    const { real, site, plugin, publish } = await serve(
      t,
      { 'index.html': 'page' },
      { pin: false, allowOverride: ['FileInfo', 'Options', 'Indexes', 'AuthConfig'] },
      {
        modules:
          'mpm_event authz_core authz_host authn_core dir mime rewrite headers alias setenvif expires ssl'.split(
            ' ',
          ),
      },
    );
    /** Past the vote: what Apache does with it. */
    const status = async (text: string) => {
      await site.switchTo(await site.stage({ 'index.html': 'page', 'sub/.htaccess': text, 'sub/a': 'a' }));
      return (await real.get('/sub/a')).status;
    };
    const judge = async (text: string) => {
      const staged = await site.stage({ 'index.html': 'page', 'sub/.htaccess': text, 'sub/a': 'a' });
      return plugin.call('beforeSwitch', site.beforeSwitchEvent(staged));
    };
    const refused: readonly (readonly [string, RegExp])[] = [
      ['# a\nLogLevel debug\n', /line 2 of sub\/\.htaccess: loglevel is not allowed in \.htaccess files/],
      ['UseCanonicalName On\n', /line 1 of sub\/\.htaccess: usecanonicalname is not allowed/],
      [
        '\nHeader always set X "expr=%{file:/etc/passwd}"\n',
        /line 2 of sub\/\.htaccess: header has an expression with %\{file:/,
      ],
      ['ErrorDocument 404 "%{file:/etc/passwd}"\n', /line 1 of sub\/\.htaccess: errordocument .* %\{file:/],
      ['ErrorDocument 404 "%{FileSize:/etc/passwd}"\n', /with %\{FileSize:/],
      ['<If "file (%{REQUEST_URI}) == 1">\n</If>\n', /line 1 of sub\/\.htaccess: if .* file \(/],
      ['<Files a>\nSetEnvIfExpr "1 == filesize(\'/a\')" a=b\n</Files>\n', /line 2 .* filesize\(/],
      ['Header set X y "expr=file(\'/a\') == 1"\n', /with file\(/],
      ['RewriteEngine On\nRewriteCond expr "file(\'/a\') == 1"\nRewriteRule a b\n', /line 2 .* file\(/],
      ['Require expr "file(\'/a\') == 1"\n', /with file\(/],
    ];
    for (const [text, expected] of refused) {
      await assert.rejects(judge(text), (error) => {
        assert.ok(error instanceof PluginError && !error.retryable && error.fix !== undefined, String(error));
        assert.match(error.message, expected);
        return true;
      });
      assert.equal(await status(text), 500, text);
    }
    const permitted = [
      'Redirect 302 /sub/old /sub/a\nRedirectMatch ^/file(s)?$ /sub/a\n',
      'RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^file(.*)$ a [L]\n',
      'Header set X "of file(1)"\nHeader set Y "%{REQUEST_STATUS}e"\n',
      'ErrorDocument 404 /404.html\n',
      'ErrorDocument 404 "no file(s) here"\n',
      'ExpiresActive On\nExpiresByType text/css "access plus 1 week"\n',
      'Options -Indexes\nSSLOptions +StdEnvVars\nAuthName "profile (file (1))"\n',
      '<FilesMatch "^file(1)?$">\nHeader set X y\n</FilesMatch>\n<Files "file(2).pdf">\nForceType a/b\n</Files>\n',
      '<If "-f \'/etc/passwd\' && %{REQUEST_URI} =~ m#^/file(s)?#">\nHeader set X y\n</If>\n',
      '<IfModule mod_none.c>\nNoSuchDirective\n</IfModule>\nSetEnvIf Host "file(.)" a=b\n',
    ];
    for (const text of permitted) {
      assert.match((await judge(text))?.note ?? '', /1 \.htaccess tested/, text);
      assert.equal(await status(text), 200, text);
    }
    await publish({ 'index.html': 'page' });
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
