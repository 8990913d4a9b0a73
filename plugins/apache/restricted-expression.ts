// Apache's expressions may read files in the server's configuration and not in .htaccess files. Its configuration test reads these as
// configuration and finds nothing wrong, then every request is a 500. Only what is read as an expression is looked at.

import type { Directive } from './read-directives.ts';

/** Directives whose arguments are conditions. Elsewhere conditions begin with `expr=`, and `file(` is ordinary text. */
const conditions = new Set(['if', 'elseif', 'setenvifexpr', 'sslrequire', 'filterprovider']);
/** These have conditions only behind the word `expr`. */
const choosing = new Set(['require', 'rewritecond']);

/** The function that is not available in a .htaccess file, as it is written there; null when there is none. */
export function restrictedFunction({ name, args }: Directive): string | null {
  const inString = /%\{:?\s*file(?:size)?\s*[:(]/i.exec(args.join(' '));
  if (inString !== null) return inString[0];
  return /(?<![\w-])file(?:size)?\s*\(/i.exec(withoutPatterns(conditionOf(name, args)))?.[0] ?? null;
}

function conditionOf(name: string, args: readonly string[]): string {
  const all =
    conditions.has(name) || (choosing.has(name) && args.some((arg) => arg.toLowerCase() === 'expr'));
  return (all ? args : args.filter((arg) => /^expr=/i.test(arg))).join(' ');
}

/** Regular expressions within a condition: behind `=~` and `!~`, as `/…/` or `m#…#`. */
function withoutPatterns(condition: string): string {
  return condition.replaceAll(/[=!]~\s*m?([^\w\s]).*?\1/g, '');
}
