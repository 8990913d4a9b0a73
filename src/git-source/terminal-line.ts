// Makes a line safe for somebody's terminal: control characters (names in a tree are hostile) are shown escaped, length is bounded.

const lineCharactersMax = 2_000;

export function terminalLine(text: string): string {
  const line = escapeControls(text);
  return line.length > lineCharactersMax ? `${line.slice(0, lineCharactersMax)}…` : line;
}

/** Controls of ASCII and Latin-1, bidirectional overrides and line separators, as JSON would escape them. */
export function escapeControls(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
    /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
