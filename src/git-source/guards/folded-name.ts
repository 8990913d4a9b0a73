// How names compare on file systems that do not tell case or spelling apart (macOS, Windows, many tools): Unicode's full case folding,
// whatever way accents are written.

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is the range meant
const ascii = /^[\x00-\x7f]*$/;
const dotless = /\u0131/g;
/** Stands for a letter that must not be folded; no well-formed name has it. */
const standIn = '\udfff';

/** Equal for two names or paths exactly when such a file system would take them for the same. */
export function foldName(name: string): string {
  if (ascii.test(name)) return name.toLowerCase();
  // Lower, then upper case gives full folding (ß and ss, ς and σ, the Kelvin sign and k); but the dotless ı is a letter of its own.
  return name
    .normalize('NFD')
    .replace(dotless, standIn)
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFD');
}
