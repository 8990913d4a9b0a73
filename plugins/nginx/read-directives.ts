// Reads text as nginx does: words, quotes, escapes, blocks, Lua blocks. Says what stands there and in which line, and where reading had
// to stop; it knows no directive, and never throws.

export interface Directive {
  readonly name: string;
  /** Unescaped, without quotes. */
  readonly args: readonly string[];
  /** 1-based line of the name. */
  readonly line: number;
  /** Null when it ends with `;`. A Lua block is empty. */
  readonly block: readonly Directive[] | null;
}

export interface DirectivesRead {
  readonly directives: readonly Directive[];
  /** Where it is not as nginx wants it; what was read until there is told all the same. */
  readonly problem: { readonly line: number; readonly message: string } | null;
}

interface Open {
  readonly into: Directive[];
  readonly line: number;
}

const depthMax = 32;
const directivesMax = 200_000;

export function readDirectives(text: string): DirectivesRead {
  const root: Directive[] = [];
  const stack: Open[] = [{ into: root, line: 0 }];
  let words: string[] = [];
  let wordsLine = 1;
  let line = 1;
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let count = 0;
  const stop = (message: string, where = line): DirectivesRead => ({
    directives: root,
    problem: { line: where, message },
  });

  while (at < text.length) {
    const sign = text[at] as string;
    if (sign === '\n') line += 1;
    if (isSpace(sign)) {
      at += 1;
    } else if (sign === '#') {
      at = endOfLine(text, at);
    } else if (sign === ';' || sign === '{') {
      const [name, ...args] = words;
      if (name === undefined) return stop(`unexpected "${sign}"`);
      count += 1;
      if (count > directivesMax) return stop('too many directives');
      const isLua = sign === '{' && name.endsWith('_by_lua_block');
      const block: Directive[] | null = sign === '{' ? [] : null;
      stack.at(-1)?.into.push({ name, args, line: wordsLine, block });
      words = [];
      at += 1;
      if (isLua) {
        const end = endOfLua(text, at);
        if (end === null) return stop(`the Lua block of "${name}" does not end`, wordsLine);
        line += newlines(text, at, end);
        at = end;
      } else if (block) {
        if (stack.length >= depthMax) return stop('too many blocks inside each other');
        stack.push({ into: block, line: wordsLine });
      }
    } else if (sign === '}') {
      if (words.length > 0) return stop(`"${words[0] ?? ''}" is not ended by ";"`, wordsLine);
      if (stack.length === 1) return stop('unexpected "}"');
      stack.pop();
      at += 1;
    } else {
      if (words.length === 0) wordsLine = line;
      const word = readWord(text, at);
      if (word === null) return stop('a quoted text does not end as it should');
      words.push(word.value);
      line += newlines(text, at, word.end);
      at = word.end;
    }
  }
  if (words.length > 0) return stop(`"${words[0] ?? ''}" is not ended by ";"`, wordsLine);
  const open = stack.at(-1);
  return stack.length > 1 && open
    ? stop('a block is not ended by "}"', open.line)
    : { directives: root, problem: null };
}

/** Every directive of that name, not looking into blocks. */
export function directivesNamed(
  block: readonly Directive[] | null,
  ...names: readonly string[]
): Directive[] {
  return (block ?? []).filter(({ name }) => names.includes(name));
}

function readWord(text: string, start: number): { readonly value: string; readonly end: number } | null {
  const quote = text[start];
  const quoted = quote === '"' || quote === "'";
  let value = '';
  let at = quoted ? start + 1 : start;
  for (; at < text.length; at += 1) {
    const sign = text[at] as string;
    if (sign === '\\' && at + 1 < text.length) {
      at += 1;
      value += escaped(text[at] as string);
    } else if (quoted && sign === quote) {
      const next = text[at + 1];
      if (next !== undefined && !isSpace(next) && !';{)'.includes(next)) return null;
      return { value, end: at + 1 };
    } else if (!quoted && sign === '$' && text[at + 1] === '{') {
      value += '${';
      at += 1;
    } else if (!quoted && (isSpace(sign) || sign === ';' || sign === '{')) {
      return { value, end: at };
    } else value += sign;
  }
  return quoted ? null : { value, end: at };
}

/** What nginx makes of a backslash and this sign. */
function escaped(sign: string): string {
  switch (sign) {
    case '"':
    case "'":
    case '\\':
      return sign;
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    default:
      return `\\${sign}`;
  }
}

/** Behind the brace that ends a Lua block; braces in Lua's strings and comments do not count. */
function endOfLua(text: string, start: number): number | null {
  let depth = 1;
  let at = start;
  while (at < text.length) {
    const long = /--\[(=*)\[|\[(=*)\[/y;
    long.lastIndex = at;
    const bracket = long.exec(text);
    const sign = text[at];
    if (bracket) {
      const close = `]${bracket[1] ?? bracket[2] ?? ''}]`;
      const end = text.indexOf(close, long.lastIndex);
      if (end < 0) return null;
      at = end + close.length;
    } else if (text.startsWith('--', at)) {
      at = endOfLine(text, at);
    } else if (sign === '"' || sign === "'") {
      for (at += 1; at < text.length && text[at] !== sign; at += 1) if (text[at] === '\\') at += 1;
      at += 1;
    } else {
      at += 1;
      if (sign === '{') depth += 1;
      if (sign === '}') depth -= 1;
      if (depth === 0) return at;
    }
  }
  return null;
}

function isSpace(sign: string): boolean {
  return sign === ' ' || sign === '\t' || sign === '\r' || sign === '\n';
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function newlines(text: string, from: number, to: number): number {
  let found = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) found += 1;
  return found;
}
