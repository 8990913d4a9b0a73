import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { filledIn, patternProblem, textMatches } from './text-pattern.ts';

test('a text is looked for as it is, between slashes it is a pattern', () => {
  assert.ok(textMatches('a.c', 'xa.cx'));
  assert.ok(!textMatches('a.c', 'abc'));
  assert.ok(textMatches('/A.C/i', 'xabcx'));
  assert.ok(textMatches('/a', 'x/ab'), 'one slash makes no pattern');
  assert.equal(patternProblem('/['), undefined);
  assert.match(patternProblem('/[/') ?? '', /Invalid regular expression/);
  assert.equal(patternProblem('/^{tree}$/u'), undefined);
});

test('placeholders are filled in literally, unknown ones stay', () => {
  assert.equal(filledIn('{tree}-{other}-{constructor}', { tree: '1' }), '1-{other}-{constructor}');
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.constantFrom('', 'u'), (tree, flags) => {
      assert.ok(textMatches(`/^{tree}$/${flags}s`, tree, { tree }));
      assert.ok(textMatches('<{tree}>', `a<${tree}>b`, { tree }));
      assert.ok(!textMatches(`/^{tree}$/${flags}`, `${tree}!`, { tree }));
    }),
  );
});
