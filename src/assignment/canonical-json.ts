// Canonical JSON (RFC 8785) of what is signed or hashed: keys sorted by UTF-16 code units, numbers as JavaScript prints them.
// What has no canonical form is refused: undefined, non-finite numbers, lone surrogates, class instances, nesting beyond 64.

import { TreecastError } from '../model/treecast-error.ts';

const nestingMax = 64;

/** Throws INVALID_INPUT for a value without a canonical form. The UTF-8 bytes of the result are what is signed. */
export function canonicalJson(value: unknown): string {
  return encode(value, 0);
}

function encode(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return encodeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw refused(`the number ${value}`);
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= nestingMax) throw refused(`more than ${nestingMax} levels of nesting`);
      return Array.isArray(value) ? encodeArray(value, depth + 1) : encodeObject(value, depth + 1);
    default:
      throw refused(`a value of type ${typeof value}`);
  }
}

function encodeString(text: string): string {
  if (!text.isWellFormed()) throw refused('a string with a lone surrogate');
  return JSON.stringify(text);
}

function encodeArray(values: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) text += ',';
    text += encode(values[i], depth);
  }
  return `${text}]`;
}

function encodeObject(object: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) throw refused('an instance of a class');
  const fields = object as Record<string, unknown>;
  const keys = Object.keys(fields).sort();
  let text = '{';
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (i > 0) text += ',';
    text += `${encodeString(key)}:${encode(fields[key], depth)}`;
  }
  return `${text}}`;
}

function refused(what: string): TreecastError {
  return new TreecastError('INVALID_INPUT', `${what} has no canonical JSON form`, {
    fix: 'Send only strings, finite numbers, booleans, null, arrays and plain objects; leave absent fields out.',
  });
}
