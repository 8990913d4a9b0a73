// Whether a value that a message may carry as it likes is small and flat enough to be walked: JSON.parse goes deeper than any recursion
// does, so that what is nested without end must be refused before something walks it.

const nestingMax = 64;

/** `value` is what JSON.parse gave. */
export function isJsonWithin(value: unknown, charactersMax: number): boolean {
  return isNestedAtMost(value, nestingMax) && JSON.stringify(value).length <= charactersMax;
}

function isNestedAtMost(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inside) => isNestedAtMost(inside, levels - 1));
}
