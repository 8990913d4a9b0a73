// Makes a line safe for somebody's terminal: control characters (names in a tree are hostile) are shown escaped, length is bounded.

const lineCharactersMax = 2_000;

export function terminalLine(text: string): string {
  const line = escapeControls(text);
  return line.length > lineCharactersMax ? `${line.slice(0, lineCharactersMax)}…` : line;
}

/** Controls, and what is invisible or turns the direction of text, as JSON would escape them. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const point = (character.codePointAt(0) as number).toString(16);
    return point.length > 4 ? `\\u{${point}}` : `\\u${point.padStart(4, '0')}`;
  });
}
