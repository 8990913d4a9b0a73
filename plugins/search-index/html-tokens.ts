// HTML as a row of tags and texts, in one pass and in time proportional to its length, whatever it holds. Not a parser: it builds no
// tree and mends nothing.

export type HtmlToken =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open'; readonly name: string; readonly source: string }
  | { readonly kind: 'close'; readonly name: string }
  /** An element whose content is no markup, or no text for readers. */
  | { readonly kind: 'raw'; readonly name: string; readonly source: string; readonly content: string };

/** Without an end of theirs they go on to the end of the document, as in browsers. */
const rawToTheEnd = new Set(['script', 'style', 'title', 'textarea', 'iframe', 'noframes', 'xmp']);
/** Left out as a whole where they have an end. */
const rawWhenClosed = new Set(['svg', 'math', 'template', 'noscript', 'object', 'select']);

export function* htmlTokens(html: string): Generator<HtmlToken> {
  const unclosed = new Set<string>();
  let at = 0;
  while (at < html.length) {
    const start = html.indexOf('<', at);
    if (start < 0) break;
    if (start > at) yield { kind: 'text', text: html.slice(at, start) };
    const next = html.charCodeAt(start + 1);
    if (html.startsWith('<!--', start)) {
      at = after(html, '-->', start + 4);
    } else if (next === 0x21 || next === 0x3f) {
      at = after(html, '>', start + 2);
    } else if (next === 0x2f && isLetter(html.charCodeAt(start + 2))) {
      yield { kind: 'close', name: nameAt(html, start + 2) };
      at = after(html, '>', start + 2);
    } else if (isLetter(next)) {
      const name = nameAt(html, start + 1);
      const end = tagEnd(html, start + 1 + name.length);
      const source = html.slice(start, end);
      at = end;
      const close = isRaw(name) && !unclosed.has(name) ? closingTag(html, name, end) : undefined;
      if (close !== undefined) {
        yield { kind: 'raw', name, source, content: html.slice(end, close) };
        at = after(html, '>', close);
      } else if (rawToTheEnd.has(name)) {
        yield { kind: 'raw', name, source, content: html.slice(end) };
        return;
      } else {
        // It is not looked for again: from here on there is none.
        if (isRaw(name)) unclosed.add(name);
        yield { kind: 'open', name, source };
      }
    } else {
      yield { kind: 'text', text: '<' };
      at = start + 1;
    }
  }
  if (at < html.length) yield { kind: 'text', text: html.slice(at) };
}

/** Attributes of a tag's source, names in lower case, the first of a name counts. Only the beginning of an overlong tag is read. */
export function attributesOf(source: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const text = source.slice(0, 8_000).replace(/^<[^\s/>]*/, '');
  for (const [, name = '', double, single, bare] of text.matchAll(attribute)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, double ?? single ?? bare ?? '');
  }
  return found;
}

const attribute = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;

function isRaw(name: string): boolean {
  return rawToTheEnd.has(name) || rawWhenClosed.has(name);
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function nameAt(html: string, from: number): string {
  let end = from;
  while (end < html.length && end - from < 60 && /[a-zA-Z0-9:-]/.test(html.charAt(end))) end += 1;
  return html.slice(from, end).toLowerCase();
}

/** Behind the `>` that is in no quotes. */
function tagEnd(html: string, from: number): number {
  let quote = '';
  let valueBegins = false;
  for (let at = from; at < html.length; at += 1) {
    const character = html.charAt(at);
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '>') return at + 1;
    else if (valueBegins && (character === '"' || character === "'")) quote = character;
    if (!/\s/.test(character)) valueBegins = character === '=';
  }
  return html.length;
}

function closingTag(html: string, name: string, from: number): number | undefined {
  const pattern = new RegExp(`</${name}(?=[\\s/>])`, 'gi');
  pattern.lastIndex = from;
  return pattern.exec(html)?.index;
}

function after(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at < 0 ? html.length : at + text.length;
}
