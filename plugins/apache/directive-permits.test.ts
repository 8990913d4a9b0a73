import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDirectivePermits } from './directive-permits.ts';

const listing = `<Files (core.c)
\tContainer for directives affecting files matching specified patterns
\tAllowed in *.conf anywhere and in .htaccess
\twhen AllowOverride isn't None
<Limit (core.c)
\tContainer for authentication directives
\tAllowed in *.conf only inside <Directory>, <Files>, <Location>, or <If> and in .htaccess
\twhen AllowOverride includes AuthConfig or Limit
HostnameLookups (core.c)
\t"on" to enable, "off" to disable reverse DNS lookups, or
"double" to enable double-reverse DNS lookups, not in .htaccess
\tAllowed in *.conf anywhere
Twice (mod_a.c)
\ta
\tAllowed in *.conf anywhere and in .htaccess
\twhen AllowOverride includes FileInfo
IfVersion (mod_version.c)
\ta comparison operator
\tAllowed in *.conf anywhere [no per-dir config] and in .htaccess
\twhen AllowOverride isn't None
Twice (mod_b.c)
\tb
\tAllowed in *.conf only outside <Directory>, <Files>, <Location>, or <If>
`;

test('what Apache lists: classes, sections, help of two lines, a directive of two modules', () => {
  const all = ['AuthConfig', 'FileInfo', 'Indexes', 'Limit', 'Options'];
  assert.deepEqual(Object.fromEntries(readDirectivePermits(listing)), {
    '<files': all,
    '<limit': ['AuthConfig', 'Limit'],
    hostnamelookups: [],
    twice: [],
    ifversion: all,
  });
});

test('any text is read, and nothing is permitted that is not listed', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(readDirectivePermits(`\t${text.replaceAll('\n', ' ')}`).size, 0);
      readDirectivePermits(text);
    }),
  );
});
