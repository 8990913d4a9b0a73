// How a path of a tree is spelled in a URL: as browsers send it for a link to that file, which is what caches use as their key.
// The set is the path set of the WHATWG URL standard, and what a link has to escape itself because it would mean something else.

// biome-ignore lint/suspicious/noControlCharactersInRegex: file names may hold control characters, and a URL may not
const escaped = /[\u0000-\u0020"#%<>?\\^`{}\u007f-\u{10ffff}]/gu;

/** `a b/100%?.html` → `a%20b/100%25%3F.html`; slashes stay. */
export function encodePath(path: string): string {
  return path.replace(escaped, percentEncoded);
}

function percentEncoded(character: string): string {
  let text = '';
  for (const byte of Buffer.from(character, 'utf8')) {
    text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}
