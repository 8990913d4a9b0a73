// A text to look for, or `/a pattern/`, in what a server answered. A pattern gets little time: a slow one is an answer of "no", not a
// stalled agent.

import { createContext, Script } from 'node:vm';
import { PluginError } from 'treecast/plugin';

type Values = Readonly<Record<string, string>>;
const patternMs = 250;
const written = /^\/(.+)\/([imsu]*)$/s;

/** Why the text is no pattern; undefined when it is fine. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compiled(pattern, { site: '0', tree: '0', release: '0' });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'is no regular expression';
  }
}

/** Placeholders such as `{tree}` stand for their values, literally. */
export function textMatches(pattern: string, text: string, values: Values = {}): boolean {
  const expression = compiled(pattern, values);
  if (expression === undefined) return text.includes(filledIn(pattern, values));
  try {
    const context = createContext({ expression, text });
    return search.runInContext(context, { timeout: patternMs }) === true;
  } catch (error) {
    // It comes from the other context, whose Error is not this one's.
    if ((error as { readonly code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new PluginError(
      `the pattern ${pattern} took longer than ${patternMs} ms on ${text.length} characters`,
      {
        fix: 'Write it without repetitions inside repetitions, or look for a plain text.',
        retryable: false,
      },
    );
  }
}

/** The time limit of a script also ends a regular expression within it, which nothing else does. */
const search = new Script('expression.test(text)');

export function filledIn(text: string, values: Values): string {
  return text.replace(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  );
}

/** Undefined for a plain text. */
function compiled(pattern: string, values: Values): RegExp | undefined {
  const parts = written.exec(pattern);
  if (parts === null) return undefined;
  const literal = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value.replace(/[\\^$.*+?()[\]{}|/-]/g, escaped)]),
  );
  return new RegExp(filledIn(parts[1] ?? '', literal), parts[2]);
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
