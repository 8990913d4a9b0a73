import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attributesOf, htmlTokens } from './html-tokens.ts';
import { pageText } from './page-text.ts';

const of = (html: string | Uint8Array, characters = 1000, path = 'a/page.html') =>
  pageText(path, Buffer.from(html), characters);

test('title, description, language, canonical and what readers see', () => {
  const page = of(`<!DOCTYPE html><html lang="de-AT"><head><title>Zwei &amp; zwei\n ist &#118;ier</title>
    <meta name=Description content='Kurz "gesagt" &ndash; gut'><link rel="alternate canonical" href=/a/page>
    <style>p > a { color: red }</style><script>if (a < b) document.write("<p>nie</p>");</script></head>
    <body><nav>Menü</nav><h1>Gr&uuml;ße</h1><p>Fett<b>er</b> Text<br>neu <!-- <p>nicht</p> --> &copy; 5 < 6</p>
    <noscript>ohne</noscript><svg><title>Bild</title></svg><ul><li>eins<li>zwei</ul></body></html>`);
  assert.deepEqual(page, {
    title: 'Zwei & zwei ist vier',
    description: 'Kurz "gesagt" – gut',
    language: 'de-AT',
    canonical: '/a/page',
    noindex: false,
    content: 'Menü Grüße Fetter Text neu © 5 < 6 eins zwei',
  });
});

test('the text of <main> is the page’s own', () => {
  assert.equal(of('<nav>around</nav><main><p>own</p></main><footer>around</footer>').content, 'own');
  assert.equal(of('<p>all<main></main>').content, 'all');
  assert.equal(of('<p>before<main><p>never closed').content, 'never closed');
});

test('noindex and none, and only in the robots’ meta', () => {
  for (const content of ['noindex', 'NOINDEX, follow', 'none'])
    assert.equal(of(`<meta content="${content}" name="ROBOTS">`).noindex, true, content);
  for (const html of [
    '<meta name=robots content=nofollow>',
    '<p>noindex',
    '<meta name=x content=noindex>',
    '<!--<meta name=robots content=noindex>-->',
  ])
    assert.equal(of(html).noindex, false, html);
});

test('character sets: by mark, by meta, unknown ones as UTF-8', () => {
  assert.equal(of(Buffer.from('\ufeff<p>ä', 'utf16le')).content, 'ä');
  assert.equal(of(Buffer.from('<meta charset=iso-8859-1><p>ä', 'latin1')).content, 'ä');
  assert.equal(of('<meta http-equiv=content-type content="text/html; charset=utf-8"><p>ä').content, 'ä');
  assert.equal(of('<meta charset=martian><p>ä').content, 'ä');
});

test('other files: plain text as it is, and what no text is by its name', () => {
  assert.deepEqual(of('a < b\n<p>', 100, 'x/notes.txt').content, 'a < b <p>');
  const pdf = of(Buffer.from('%PDF-1.7\0\x01'), 100, 'x/paper.pdf');
  assert.equal(pdf.title, 'paper.pdf');
  assert.equal(pdf.content, '');
});

test('tags that are not closed, quotes that are not, and names of all kinds', () => {
  assert.equal(of('<p title="a > b">c').content, 'c');
  assert.equal(of('a<p title="never').content, 'a');
  assert.equal(of('a<script>b').content, 'a');
  assert.equal(of('a<svg>b').content, 'a b');
  assert.equal(of('a<!--b').content, 'a');
  assert.equal(
    of('1 <2 </ 3 <> &bogus; &#0; &#x110000; &amp').content,
    '1 <2 </ 3 <> &bogus; \ufffd \ufffd &amp',
  );
  assert.equal(attributesOf('<a HREF=x href=y b>').get('href'), 'x');
});

test('never throws, keeps its bounds, and shows no tag that has an end, whatever the bytes are', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.constantFrom(
      '<',
      '>',
      '</',
      '<!--',
      '-->',
      '"',
      "'",
      '=',
      '&',
      ';',
      '<main>',
      '</main>',
      '<title>',
      '<script',
      '</script>',
      '<svg>',
      '<p a="',
      '<meta name=robots content=',
      '<html lang=',
    ),
  );
  const html = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join('')));
  fc.assert(
    fc.property(fc.oneof(html, fc.uint8Array({ maxLength: 500 })), fc.nat(50), (bytes, characters) => {
      const page = of(bytes, characters);
      assert.ok(page.content.length <= characters);
      assert.ok(page.content.isWellFormed());
      assert.ok(page.title.length <= 500 && page.language.length <= 35);
      for (const text of Object.values(page)) if (typeof text === 'string') assert.doesNotMatch(text, /\n/);
    }),
    { numRuns: 500 },
  );
});

test('the tokens are the whole document, in order', () => {
  const html = fc
    .array(fc.constantFrom('<b>', '</b>', 'x', '<', ' ', '<br/>'), { maxLength: 40 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(html, (text) => {
      const again = [...htmlTokens(text)]
        .map((token) =>
          token.kind === 'text' ? token.text : token.kind === 'close' ? `</${token.name}>` : token.source,
        )
        .join('');
      assert.equal(again, text);
    }),
  );
});

test('takes time in proportion to the length, also for hostile documents', () => {
  const from = performance.now();
  const size = 400_000;
  for (const text of [
    '<svg>',
    '<',
    '<!--',
    '<p a="',
    '</',
    '<a b=',
    '&',
    ' ',
    '<template><main>',
    '<script></scrip',
  ])
    of(text.repeat(size / text.length), 50_000);
  assert.ok(performance.now() - from < 10_000);
});
