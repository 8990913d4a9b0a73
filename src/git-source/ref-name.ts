// Which texts are object ids and which are ref names. Anything else never reaches a Git process, so there is nothing in it
// that Git could take for an option or for revision syntax.

const objectIdPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const refBytesMax = 1_024;
/** What git-check-ref-format(1) forbids anywhere: controls, space, `~ ^ : ? * [ \`, `..`, `@{`, `//`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const forbiddenInRef = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\//;

export function isObjectId(text: string): boolean {
  return objectIdPattern.test(text);
}

/** A full ref name (`refs/…`) that git-check-ref-format(1) accepts. */
export function isRefName(text: string): boolean {
  if (!text.startsWith('refs/') || Buffer.byteLength(text) > refBytesMax || forbiddenInRef.test(text))
    return false;
  if (text.endsWith('/') || text.endsWith('.')) return false;
  return text.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/** The full names a ref as people write it may stand for, best first; none when it is not a ref name at all. */
export function refCandidates(ref: string): readonly string[] {
  if (ref === 'HEAD') return ['HEAD'];
  if (isRefName(ref)) return [ref];
  return ref.startsWith('refs/') ? [] : [`refs/heads/${ref}`, `refs/tags/${ref}`].filter(isRefName);
}
