// Text is read as nginx reads it, and no text is too odd to be read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoteValue } from './quote-value.ts';
import { type Directive, readDirectives } from './read-directives.ts';

function plain(directives: readonly Directive[]): unknown[] {
  return directives.map(({ name, args, block }) => (block ? [name, ...args, plain(block)] : [name, ...args]));
}
const read = (text: string): unknown[] => plain(readDirectives(text).directives);

test('quotes, escapes, comments, variables in braces, blocks and lines', () => {
  const text = `\uFEFFuser www; # a } comment ;
http{server{listen 80;server_name a "b c" 'd"e' f\\;g;}
  log_format x '$a' "q\\"q" \\d{ }
  set $x "$\{y}z"; location ~ "^/\\d{2}$" { }
  rewrite ^/a#b$ /$\{x}y;
}`;
  assert.deepEqual(read(text), [
    ['user', 'www'],
    [
      'http',
      [
        [
          'server',
          [
            ['listen', '80'],
            ['server_name', 'a', 'b c', 'd"e', 'f\\;g'],
          ],
        ],
        ['log_format', 'x', '$a', 'q"q', '\\d', []],
        ['set', '$x', '$\x7by}z'],
        ['location', '~', '^/\\d{2}$', []],
        ['rewrite', '^/a#b$', '/$\x7bx}y'],
      ],
    ],
  ]);
  const { directives } = readDirectives('a;\n\nb "x\ny"\n  z;\nc;');
  assert.deepEqual(
    directives.map(({ name, line }) => `${name}:${line}`),
    ['a:1', 'b:3', 'c:6'],
  );
});

test('Lua blocks are stepped over, with braces in strings and comments', () => {
  const text = `server { content_by_lua_block {
    -- a } comment
    ngx.say("}", '}', [[ } ]], [==[ ]] } ]==], { a = { } }) --[[ } ]]
  } return 204; }`;
  assert.deepEqual(read(text), [
    [
      'server',
      [
        ['content_by_lua_block', []],
        ['return', '204'],
      ],
    ],
  ]);
  assert.equal(readDirectives(text).directives[0]?.block?.[1]?.line, 4);
  assert.match(readDirectives('a_by_lua_block { "}').problem?.message ?? '', /does not end/);
});

test('where nginx would stop, the line is told and what came before is kept', () => {
  for (const [text, line, message] of [
    ['a;\n}', 2, /unexpected "}"/],
    ['a;\n;', 2, /unexpected ";"/],
    ['a {\nb;', 1, /not ended by "}"/],
    ['a;\nb c', 2, /not ended by ";"/],
    ['a;\nb "c;', 2, /quoted text/],
    ['a;\nb "c"d;', 2, /quoted text/],
    ['a { b }', 1, /"b" is not ended/],
    ['x{'.repeat(50), 1, /too many blocks/],
  ] as const) {
    const { problem, directives } = readDirectives(text);
    assert.equal(problem?.line, line, text);
    assert.match(problem?.message ?? '', message);
    assert.ok(directives.length > 0);
  }
});

test('any bytes are read without an error thrown', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      ';',
      '"',
      "'",
      '\\',
      '#',
      '\n',
      ' ',
      '${',
      '$',
      'x_by_lua_block {',
      '[[',
      ']]',
      '--',
      'server',
      'root',
      '\uFEFF',
      '\0',
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const { directives, problem } = readDirectives(pieces.join(''));
      assert.ok(Array.isArray(directives));
      if (problem) assert.ok(problem.line >= 0);
    }),
    { numRuns: 5_000 },
  );
});

test('a quoted value is read back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (value) => {
      if (/\p{Cc}/u.test(value)) assert.throws(() => quoteValue(value), /control characters/);
      else assert.deepEqual(read(`x ${quoteValue(value)} y;`), [['x', value, 'y']]);
    }),
    { numRuns: 3_000 },
  );
});
