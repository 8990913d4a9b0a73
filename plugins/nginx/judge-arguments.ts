// What a directive from a repository may say, so that whatever a request asks for, no file outside the tree is named: rewritten URLs go
// through the search for a location again, where names that begin with a dot are refused; what is looked up directly takes `$uri` alone.

import type { SiteDirective } from './configuration.ts';

const argumentsMax = 50;
const charactersMax = 2_000;
/** Each of these is a place on this node. */
const placesOnNode = new Set([
  'document_root',
  'realpath_root',
  'request_filename',
  'treecast_root',
  'fastcgi_script_name',
]);
/** These are decoded: a line end in a URL would become one in a header. */
const decoded = new Set(['uri', 'document_uri']);

type Judge = (args: readonly string[], releaseHeader: string) => string | null;

/** Problems; none when it may stand. */
export function judgeArguments(
  name: SiteDirective,
  args: readonly string[],
  releaseHeader: string,
): string[] {
  if (args.length > argumentsMax || args.some((arg) => arg.length > charactersMax))
    return [`"${name}" is too long`];
  if (args.some((arg) => /\p{Cc}/u.test(arg))) return [`"${name}" has control characters`];
  const place = args.flatMap(variablesOf).find((variable) => placesOnNode.has(variable));
  if (place !== undefined) return [`"${name}" may not use $${place}: it names a place outside the tree`];
  const problem = judges[name](args, releaseHeader);
  return problem === null ? [] : [`"${name}" ${problem}`];
}

const judges: Readonly<Record<SiteDirective, Judge>> = {
  location: (args) => {
    const [first = '', second] = args;
    if (args.length === 2 && second !== undefined && (first === '~' || first === '~*'))
      return namedGroups(second);
    const path = args.length === 2 && first === '=' ? second : args.length === 1 ? first : undefined;
    if (path === undefined || !path.startsWith('/'))
      return 'takes a path, `= path`, `~ pattern` or `~* pattern`';
    return isClean(path) ? null : 'names a path that begins with a dot';
  },
  rewrite: (args) => {
    const [pattern = '', to = '', flag] = args;
    const named = namedGroups(pattern);
    if (named !== null) return named;
    if (args.length < 2 || args.length > 3) return 'takes a pattern, a replacement and a flag';
    if (flag !== undefined && !['last', 'redirect', 'permanent'].includes(flag))
      return `may not have the flag ${flag}: last, redirect and permanent are allowed`;
    return isUrl(to) && isClean(to) ? null : 'leads to a URL: /… without .. or https://…';
  },
  return: (args) => {
    const [first = '', second] = args;
    const code = /^[2-5]\d\d$/.test(first);
    if (args.length < 1 || args.length > 2 || (args.length === 2 && !code))
      return 'takes a status and a text or URL';
    if (!code && !/^https?:\/\//.test(first)) return 'takes a status, or a URL';
    return useDecoded([second ?? first]);
  },
  error_page: (args) => {
    const to = args.at(-1) ?? '';
    const codes = args.slice(0, -1);
    if (codes.length === 0 || !codes.every((code) => /^(?:[3-5]\d\d|=[2-5]?\d{0,2})$/.test(code)))
      return 'takes statuses and a URL';
    if (variablesOf(to).length > 0) return 'may not use variables';
    return isUrl(to) && isClean(to) ? null : 'leads to a URL: /… without .. or https://…';
  },
  expires: (args) =>
    args.length > 0 && args.length <= 2 && args.every((arg) => /^[\w+@-]+$/.test(arg))
      ? null
      : 'takes a time',
  add_header: (args, releaseHeader) => {
    const [name = '', , always] = args;
    if (args.length < 2 || args.length > 3 || (always !== undefined && always !== 'always'))
      return 'takes a name, a value and `always`';
    if (!/^[A-Za-z0-9-]+$/.test(name)) return 'needs the name of a header';
    if (name.toLowerCase() === releaseHeader.toLowerCase()) return `may not replace ${releaseHeader}`;
    return useDecoded(args);
  },
  try_files: (args) => {
    if (args.length < 2) return 'takes at least two';
    for (const [index, arg] of args.entries()) {
      if (index === args.length - 1 && /^=[2-5]\d\d$/.test(arg)) continue;
      if (!/^(?:\/|\$uri|\$\{uri\})/.test(arg)) return 'takes /… and $uri…, and at last =404';
      if (variablesOf(arg).some((variable) => variable !== 'uri')) return 'may use the variable $uri only';
      if (!isClean(arg)) return 'names a path that begins with a dot';
    }
    return null;
  },
  charset: (args) =>
    args.length === 1 && /^[\w-]+$/.test(args[0] ?? '') ? null : 'takes the name of a charset',
  default_type: (args) =>
    args.length === 1 && /^[\w.+-]+\/[\w.+-]+$/.test(args[0] ?? '') ? null : 'takes a media type',
};

/** A named group sets the variable of its name, whosever it is: this site's root, or one of the operator's. */
function namedGroups(pattern: string): string | null {
  return /\(\?(?:P?<(?![=!])|')/.test(pattern)
    ? 'may not name a group of its pattern: it would set a variable; use (…) and $1'
    : null;
}

function variablesOf(arg: string): string[] {
  return [...arg.matchAll(/\$(?:\{(\w*)\}?|(\w+))/g)].map((match) => match[1] ?? match[2] ?? '');
}

function isUrl(text: string): boolean {
  return text.startsWith('/') || /^https?:\/\/./.test(text);
}

/** No name begins with a dot, whatever variables stand for, but `.well-known`. */
function isClean(path: string): boolean {
  return (
    !path.includes('..') && !/(?:^|\/)\.(?!well-known(?:\/|$))|\.\$/.test(path.replace(/^https?:\/\//, ''))
  );
}

function useDecoded(args: readonly string[]): string | null {
  return args.flatMap(variablesOf).some((variable) => decoded.has(variable))
    ? 'may not use $uri: it is decoded, and a line end in it would become one of the answer; use $request_uri'
    : null;
}
