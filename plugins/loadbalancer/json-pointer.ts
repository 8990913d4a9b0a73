// RFC 6901: the value at a JSON pointer, undefined when there is none.

export function atPointer(value: unknown, pointer: string): unknown {
  if (pointer === '') return value;
  let now = value;
  for (const step of pointer.slice(1).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof now !== 'object' || now === null) return undefined;
    if (Array.isArray(now)) now = /^(?:0|[1-9]\d{0,8})$/.test(key) ? now[Number(key)] : undefined;
    else now = Object.hasOwn(now, key) ? (now as Readonly<Record<string, unknown>>)[key] : undefined;
  }
  return now;
}
