// Apache's configuration syntax as data: directives with their arguments, sections with what is in them. It takes any bytes and never
// throws; it knows no directive's meaning and evaluates no condition.

export interface Directive {
  /** Lower case; of a section the name without `<`. */
  readonly name: string;
  readonly args: readonly string[];
  /** 1-based. */
  readonly line: number;
  /** Of a section; null for a plain directive. */
  readonly block: readonly Directive[] | null;
}

const bytesMax = 4 * 1_048_576;
const depthMax = 64;

/** Bytes are read one by one (latin1): whatever encoding a file has, its syntax is ASCII. */
export function readDirectives(bytes: Uint8Array): Directive[] {
  const text = Buffer.from(bytes.subarray(0, bytesMax)).toString('latin1');
  const top: Directive[] = [];
  const open: { readonly name: string; readonly block: Directive[] }[] = [];
  for (const { line, text: content } of logicalLines(text)) {
    const into = open.at(-1)?.block ?? top;
    const end = /^<\/\s*([^\s>]+)/.exec(content)?.[1]?.toLowerCase();
    if (end !== undefined) {
      // A stray end closes nothing; an end that skips inner sections closes them too.
      const at = open.findLastIndex(({ name }) => name === end);
      if (at !== -1) open.splice(at);
      continue;
    }
    const section = content.startsWith('<');
    const words = splitWords(section ? content.slice(1).replace(/>[^>]*$/, '') : content);
    const name = words.shift()?.toLowerCase();
    if (name === undefined || name === '') continue;
    const block: Directive[] | null = section ? [] : null;
    into.push({ name, args: words, line, block });
    if (block !== null && open.length < depthMax) open.push({ name, block });
  }
  return top;
}

/** All directives of a name (lower case), also in sections that only choose, such as IfModule. */
export function directivesNamed(directives: readonly Directive[], name: string): Directive[] {
  return withinChoices(directives).filter((directive) => directive.name === name);
}

const choices = new Set(['ifmodule', 'ifdefine', 'ifversion', 'iffile', 'ifdirective', 'ifsection']);

export function withinChoices(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((directive) =>
    directive.block !== null && choices.has(directive.name) ? withinChoices(directive.block) : [directive],
  );
}

/** As Apache joins them: a backslash at the end continues a line; a line of comment cannot be continued away. */
function logicalLines(text: string): { readonly line: number; readonly text: string }[] {
  const found: { line: number; text: string }[] = [];
  const physical = text.split('\n');
  for (let at = 0; at < physical.length; at++) {
    const line = at + 1;
    let joined = physical[at]?.replace(/\r$/, '') ?? '';
    while (joined.endsWith('\\') && at + 1 < physical.length) {
      at += 1;
      joined = joined.slice(0, -1) + (physical[at]?.replace(/\r$/, '') ?? '');
    }
    const content = joined.trim();
    if (content !== '' && !content.startsWith('#')) found.push({ line, text: content });
  }
  return found;
}

/** Words apart by blanks; in quotes of either kind blanks belong to the word, and a backslash keeps the quote. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? '')) at += 1;
    if (at >= text.length) return words;
    const quote = text[at] === '"' || text[at] === "'" ? text[at] : null;
    let word = '';
    if (quote !== null) at += 1;
    while (at < text.length) {
      const char = text[at] ?? '';
      const next = text[at + 1];
      if (char === '\\' && next !== undefined && (next === '\\' || next === quote)) {
        word += next;
        at += 2;
        continue;
      }
      at += 1;
      if (quote === null ? /\s/.test(char) : char === quote) break;
      word += char;
    }
    words.push(word);
  }
}
