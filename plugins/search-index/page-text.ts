// What a search index keeps of a page: title, description, language, and the text that readers see; and whether the page wants to be
// found at all. Never throws, whatever the bytes are.

import { decodedEntities } from './html-entities.ts';
import { attributesOf, htmlTokens } from './html-tokens.ts';

export interface PageText {
  readonly title: string;
  readonly description: string;
  readonly language: string;
  readonly content: string;
  /** `<meta name="robots" content="noindex">` */
  readonly noindex: boolean;
  /** As written; empty when there is none. */
  readonly canonical: string;
}

const bytesMax = 4 * 1_048_576;
const titleCharactersMax = 500;
const descriptionCharactersMax = 1_000;
/** Tags within a word; every other one separates words. */
const inline = new Set(
  'a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark q rp rt ruby s samp small span strike strong sub sup time tt u var wbr'.split(
    ' ',
  ),
);

/** `path` tells a page's kind by its end: `.txt` and `.md` are plain text. */
export function pageText(path: string, bytes: Uint8Array, contentCharacters: number): PageText {
  const head = bytes.subarray(0, bytesMax);
  if (/\.(?:txt|md|markdown)$/i.test(path)) return plain(path, decoded(head), contentCharacters);
  // What no text is has a name alone.
  if (head.subarray(0, 1024).includes(0) && !hasUtf16Mark(head)) return plain(path, '', 0);
  return fromHtml(path, decoded(head), contentCharacters);
}

function fromHtml(path: string, html: string, contentCharacters: number): PageText {
  let title = '';
  let description = '';
  let language = '';
  let canonical = '';
  let noindex = false;
  let inMain = 0;
  const all = createCollector(contentCharacters);
  const main = createCollector(contentCharacters);
  const add = (text: string): void => {
    all.add(text);
    if (inMain > 0) main.add(text);
  };
  for (const token of htmlTokens(html)) {
    if (token.kind === 'text') {
      add(token.text);
      continue;
    }
    const { name } = token;
    if (token.kind === 'raw') {
      if (name === 'title' && title === '') title = line(token.content, titleCharactersMax);
      add(' ');
      continue;
    }
    if (name === 'main') inMain = Math.max(0, inMain + (token.kind === 'open' ? 1 : -1));
    if (!inline.has(name)) add(' ');
    if (token.kind === 'close') continue;
    if (name === 'html') language ||= line(attributesOf(token.source).get('lang') ?? '', 35);
    if (name === 'meta') {
      const attributes = attributesOf(token.source);
      const content = attributes.get('content') ?? '';
      const about = attributes.get('name')?.toLowerCase();
      if (about === 'description') description ||= line(content, descriptionCharactersMax);
      if (about === 'robots') noindex ||= /\b(?:noindex|none)\b/i.test(content);
    }
    if (name === 'link') {
      const attributes = attributesOf(token.source);
      const isCanonical = /(?:^|\s)canonical(?:\s|$)/i.test(attributes.get('rel') ?? '');
      if (isCanonical) canonical ||= line(attributes.get('href') ?? '', 2_000);
    }
  }
  // The text of <main> is the page's own; navigation and the like are around it.
  const own = main.text();
  const content = own === '' ? all.text() : own;
  return { title: title || nameOf(path), description, language, content, noindex, canonical };
}

function plain(path: string, text: string, contentCharacters: number): PageText {
  const content = shortened(spaced(text), contentCharacters);
  return { title: nameOf(path), description: '', language: '', content, noindex: false, canonical: '' };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).slice(0, titleCharactersMax);
}

/** Stops taking text in when there is enough for so many characters, however much of it is space. */
function createCollector(charactersMax: number) {
  const pieces: string[] = [];
  let characters = 0;
  const joined = (): string => spaced(decodedEntities(pieces.join('')));
  return {
    add(text: string): void {
      if (characters >= charactersMax * 2) return;
      const piece = text.replace(/\s+/g, ' ').slice(0, charactersMax * 2);
      if (piece === ' ' && pieces.at(-1)?.endsWith(' ') !== false) return;
      pieces.push(piece);
      characters += piece.length;
    },
    text: () => shortened(joined(), charactersMax),
  };
}

function line(text: string, charactersMax: number): string {
  return shortened(spaced(decodedEntities(text.slice(0, charactersMax * 4))), charactersMax);
}

function spaced(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .toWellFormed();
}

function shortened(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  return text
    .slice(0, charactersMax)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd();
}

function hasUtf16Mark(bytes: Uint8Array): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}

/** By byte order mark, else as the first kilobyte says, else UTF-8. */
function decoded(bytes: Uint8Array): string {
  if (hasUtf16Mark(bytes)) return new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-16be').decode(bytes);
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1');
  const [, label = 'utf-8'] = /<meta\b[^>]{0,200}charset\s*=\s*["']?([\w-]{1,40})/i.exec(head) ?? [];
  try {
    // A page whose bytes can be read to find this out is in no UTF-16.
    return new TextDecoder(/^utf-?16/i.test(label) ? 'utf-8' : label).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
