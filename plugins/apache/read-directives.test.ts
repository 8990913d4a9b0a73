import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFacts } from './apache-program.ts';
import { htaccessObstacle } from './htaccess-directives.ts';
import { quoteArgument } from './quote-argument.ts';
import { type Directive, readDirectives } from './read-directives.ts';
import { urlMapOf } from './url-map-of.ts';

const read = (text: string): Directive[] => readDirectives(Buffer.from(text));
const site = {
  liveLink: '/sites/docs/live',
  dropIn: '/etc/httpd/treecast/docs.inc',
  serverRoot: '/etc/httpd',
  encodings: [],
};
const mapOf = (text: string, own = '') => urlMapOf([read(text)], read(own), site);

const pieces = fc.constantFrom(
  ...[
    '<VirtualHost *:80>',
    '</VirtualHost>',
    'DocumentRoot /sites/docs/live',
    'ServerName a.test',
    '\\',
    '\n',
    '\r\n',
  ],
  ...[
    '"',
    "'",
    '<',
    '>',
    '</',
    '#',
    ' ',
    'Include *',
    'Alias /x/ /sites/docs/live',
    '\u0000',
    '\u00ff',
    '<If "',
    'é',
  ],
);

test('any bytes are read: never an exception, never more than there is', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(pieces, { maxLength: 40 }).map((parts) => Buffer.from(parts.join(''))),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      const directives = readDirectives(bytes);
      assert.ok(directives.length <= bytes.length);
      const map = urlMapOf([directives], directives, site);
      assert.ok(map === null || map.origins.length > 0);
      for (const directive of directives) htaccessObstacle(directive, { allowed: [], permits: new Map() });
      readFacts(Buffer.from(bytes).toString('latin1'));
    }),
    { numRuns: 500 },
  );
});

test('an argument that was quoted is read back as it was', () => {
  const value = fc.string({ unit: 'grapheme-ascii', maxLength: 30 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(value, { maxLength: 4 }), (values) => {
      const [directive] = read(`Name ${values.map(quoteArgument).join(' ')}`);
      assert.deepEqual(directive?.args, values);
    }),
  );
});

test('deep nesting is bounded', () => {
  const deep = read('<IfModule x>\n'.repeat(20_000));
  let depth = 0;
  for (let at = deep; at.length > 0; at = [...(at[0]?.block ?? [])]) depth += 1;
  assert.ok(depth <= 66);
});

test('continued lines, comments, and case are read as Apache reads them', () => {
  const directives = read(
    '# Include a \\\nInclude b\nserVerName \\\n  a.test\n\n<IFModule x>\nA "b c" d\\"e\n</ifmodule>\n</Stray>\nB',
  );
  assert.deepEqual(
    directives.map(({ name, args, line }) => [name, args, line]),
    [
      ['servername', ['a.test'], 3],
      ['ifmodule', ['x'], 6],
      ['b', [], 10],
    ],
  );
  assert.deepEqual(directives[1]?.block?.[0]?.args, ['b c', 'd\\"e']);
});

test('the URL map comes from the virtual hosts that serve the live link', () => {
  const map = mapOf(`
    <VirtualHost *:80>
      ServerName www.docs.test
      ServerAlias docs.test *.docs.test
      DocumentRoot "/sites/docs/live/"
      <IfModule mod_dir.c>
        DirectoryIndex start.html index.html
      </IfModule>
      ErrorDocument 404 /errors/404.html
    </VirtualHost>
    <VirtualHost *:443>
      ServerName https://www.docs.test
      SSLEngine On
      DocumentRoot /sites/docs/live
    </VirtualHost>
    <VirtualHost *:80>
      ServerName other.test
      DocumentRoot /srv/other
    </VirtualHost>`);
  assert.deepEqual(map?.origins, ['http://www.docs.test', 'http://docs.test', 'https://www.docs.test']);
  assert.deepEqual(map.index, ['start.html', 'index.html']);
  assert.deepEqual(map.errorPages, ['errors/404.html']);
});

test('a directory without slash is a redirect, but where its index may be served there', () => {
  const own = 'RewriteRule "^/.*" "/sites/docs/trees/1$0" [L]\nAllowOverride None';
  const bare = (inHost: string, elsewhere = ''): unknown =>
    mapOf(
      `<VirtualHost *:80>\nServerName a.b\nDocumentRoot /sites/docs/live\n${own}\n${inHost}\n</VirtualHost>\n${elsewhere}`,
      own,
    )?.directoryWithoutSlash;
  for (const redirecting of [
    '',
    'DirectorySlash On',
    'RewriteRule ^/old/(.*) /new/$1 [R=301,L]',
    'RewriteRule ^/secret - [F]',
    'AllowOverrideList None',
  ])
    assert.equal(bare(redirecting), 'redirect', redirecting);
  for (const serving of [
    'DirectorySlash Off',
    '<Directory /sites/docs/live>\nDirectorySlash Off\n</Directory>',
    'RewriteRule ^/(.*[^/])$ /$1/index.html',
    'RewriteRule ^/(.*[^/])$ /$1/index.html [L]',
    '<Directory /sites/docs/live>\nAllowOverride Indexes\n</Directory>',
    'AliasMatch ^/(.+[^/])$ /sites/docs/live/$1/index.html',
  ])
    assert.equal(bare(serving), true, serving);
  assert.equal(bare('', 'DirectorySlash Off'), true);
  assert.equal(bare('', 'RewriteRule ^/(.*)$ /x/$1'), 'redirect');
});

test('the URL map: an included drop-in, an alias, another port, and nothing to be told', () => {
  for (const include of [
    '/etc/httpd/treecast/docs.inc',
    'treecast/docs.inc',
    'treecast/*.inc',
    '/etc/httpd/treecast',
  ])
    assert.deepEqual(
      mapOf(`<VirtualHost 127.0.0.1:8080>\nServerName d.test\nIncludeOptional ${include}\n</VirtualHost>`)
        ?.origins,
      ['http://d.test:8080'],
    );
  const alias = mapOf(
    '<VirtualHost *:80>\nServerName d.test:8000\nAlias /docs /sites/docs/live\n</VirtualHost>',
  );
  assert.deepEqual([alias?.origins, alias?.prefix], [['http://d.test:8000'], '/docs/']);
  assert.equal(mapOf('<VirtualHost *:80>\nDocumentRoot /sites/docs/live\n</VirtualHost>'), null);
  assert.equal(mapOf('ServerName a.test\nDocumentRoot /srv/www'), null);
  assert.deepEqual(
    mapOf(
      '<VirtualHost *:80>\nServerName d.test\nInclude treecast/docs.inc\n</VirtualHost>',
      'FallbackResource /app.html',
    )?.errorPages,
    ['app.html'],
  );
});
