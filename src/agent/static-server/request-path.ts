// From a request target to the path of a file in a tree: strict about encoding, and about what is never served.

/** The status to refuse with, or the names from the root down; `slash` when the path ends with one (or is the root). */
export type RequestPath =
  | { readonly refused: 400 | 404 }
  | {
      readonly names: readonly string[];
      readonly slash: boolean;
      readonly rawPath: string;
      readonly query: string;
    };

/** Printable ASCII only: anything else must be percent-encoded. */
const targetPattern = /^\/[\x21-\x7e]*$/;

export function parseRequestPath(target: string): RequestPath {
  if (!targetPattern.test(target)) return { refused: 400 };
  const [, rawPath = '', query = ''] = /^([^?]*)(\?.*)?$/.exec(target) ?? [];
  const rawNames = rawPath.slice(1).split('/');
  const slash = rawNames.at(-1) === '';
  if (slash) rawNames.pop();
  const names: string[] = [];
  for (const rawName of rawNames) {
    const name = decodeName(rawName);
    if (name === undefined) return { refused: 400 };
    names.push(name);
  }
  return isServed(names) ? { names, slash, rawPath, query } : { refused: 404 };
}

/** No empty names, no `.` or `..`, and no dotfiles but `/.well-known`. */
export function isServed(names: readonly string[]): boolean {
  return names.every(
    (name, index) => name !== '' && (!name.startsWith('.') || (index === 0 && name === '.well-known')),
  );
}

/** Undefined when it is not percent-encoded UTF-8, or decodes to what no name can hold. */
function decodeName(rawName: string): string | undefined {
  try {
    const name = decodeURIComponent(rawName);
    return name.includes('/') || name.includes('\0') ? undefined : name;
  } catch {
    return undefined;
  }
}
