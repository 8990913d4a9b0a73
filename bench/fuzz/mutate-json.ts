// Mutations of JSON values that keep the syntax whole, so that what is tested is what stands behind the parser.

import type { Random } from '../random.ts';

const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.5,
  1e-7,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  1e308,
  -1e308,
  '',
  ' ',
  '.',
  '..',
  '/',
  '../../etc/passwd',
  'a\\..\\b',
  '.git',
  '.g\u200cit',
  'git~1',
  'a\0b',
  '\u001b[31m',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  'ß',
  '{}',
  '__proto__',
  'constructor',
  'x'.repeat(300),
  'é'.repeat(5_000),
  [],
  {},
  [[]],
  [null, null],
  { __proto__: null },
];
const oddKeys = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'length',
  'type',
  'extra',
  'x'.repeat(200),
  '\0',
  'é',
];

type Container = unknown[] | Record<string, unknown>;

/** A changed copy: one to three places of it. */
export function mutateJson(value: unknown, random: Random): unknown {
  let copy = copyOf(value);
  for (let left = 1 + random.below(3); left > 0; left--) copy = mutatePlace(copy, random);
  return copy;
}

/** The text of a value, now and then spelled so that only a strict reader minds: repeated keys, odd numbers, white space. */
export function spellJson(value: unknown, random: Random): string {
  const text = JSON.stringify(value) ?? 'null';
  if (!random.once(8)) return text;
  const at = text.indexOf('{');
  switch (random.below(5)) {
    case 0:
      return at < 0 ? `${text} ` : `${text.slice(0, at + 1)}"__proto__":{"a":1},${text.slice(at + 1)}`;
    case 1:
      return text.replace(/":(\d+)/, '":$1e0');
    case 2:
      return ` \n${text}\t`;
    case 3:
      return text.replace(/"([a-z])/, (_, letter: string) => `"\\u00${letter.charCodeAt(0).toString(16)}`);
    default: {
      // Deeper than any recursion goes: what walks the value must know where to stop.
      const depth = random.pick([100, 5_000, 100_000]);
      const [open, close] = random.pick([
        ['[', ']'],
        ['{"a":', '}'],
      ] as const);
      const places = [...text.matchAll(/:(?:"[^"]*"|\d+|\{\})/g)];
      if (places.length === 0) return text;
      const { index, 0: place } = random.pick(places);
      const nested = `:${open.repeat(depth)}0${close.repeat(depth)}`;
      return text.slice(0, index) + nested + text.slice(index + place.length);
    }
  }
}

function mutatePlace(root: unknown, random: Random): unknown {
  const places: { readonly container: Container; readonly key: string | number }[] = [];
  collect(root, places, 0);
  if (places.length === 0 || random.once(50)) return oddValue(random);
  const { container, key } = random.pick(places);
  const fields = container as Record<string | number, unknown>;
  switch (random.below(7)) {
    case 0:
      if (Array.isArray(container)) container.splice(key as number, 1);
      else delete fields[key];
      break;
    case 1:
      if (Array.isArray(container)) container.push(...container.slice(0, 1 + random.below(64)));
      else fields[random.pick(oddKeys)] = oddValue(random);
      break;
    case 2: {
      const other = random.pick(places);
      // A copy, so that nothing comes to contain itself.
      fields[key] = copyOf((other.container as Record<string | number, unknown>)[other.key]);
      break;
    }
    case 3:
      fields[key] = nudge(fields[key], random);
      break;
    case 4:
      if (Array.isArray(container)) container.reverse();
      else fields[key] = [fields[key]];
      break;
    case 5: {
      let nested: unknown = fields[key];
      for (let depth = random.pick([1, 2, 70, 500]); depth > 0; depth--)
        nested = random.once(2) ? [nested] : { a: nested };
      fields[key] = nested;
      break;
    }
    default:
      fields[key] = oddValue(random);
  }
  return root;
}

function nudge(value: unknown, random: Random): unknown {
  if (typeof value === 'number') return value + random.pick([-1, 1, 0.5, 2 ** 32, -(2 ** 32), 2 ** 53]);
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return oddValue(random);
  const at = random.below(value.length);
  switch (random.below(4)) {
    case 0:
      return value.slice(0, at) + value.slice(at + 1);
    case 1:
      return (
        value.slice(0, at) +
        random.pick(['/', '.', '\0', '\n', 'é', 'A', '0', '\ud800', '..', '\u202e']) +
        value.slice(at)
      );
    case 2:
      return value.repeat(random.pick([2, 3, 100]));
    default:
      return value.toUpperCase();
  }
}

function oddValue(random: Random): unknown {
  const value = random.pick(oddValues);
  // What is mutated further must not be the list's own.
  return typeof value === 'object' ? copyOf(value) : value;
}

function collect(
  value: unknown,
  places: { container: Container; key: string | number }[],
  depth: number,
): void {
  if (typeof value !== 'object' || value === null || depth > 100 || places.length > 2_000) return;
  const container = value as Container;
  for (const key of Array.isArray(container) ? container.keys() : Object.keys(container)) {
    places.push({ container, key });
    collect((container as Record<string | number, unknown>)[key], places, depth + 1);
  }
}

function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value) ?? 'null') as unknown;
}
