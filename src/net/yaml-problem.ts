// Turns what a zod schema found wrong in a YAML document into problems with line, column and a fix,
// with a suggestion for every misspelt key.

import { type Document, isNode, isPair, isScalar, type LineCounter, visit } from 'yaml';
import { z } from 'zod';
import { nearestWord } from '../model/nearest-word.ts';
import type { YamlProblem } from './yaml-file.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

interface Source {
  readonly schema: z.ZodType;
  readonly document: Document.Parsed;
  readonly lineCounter: LineCounter;
}

/** In the order of the file. */
export function explainIssues(issues: readonly Issue[], source: Source): YamlProblem[] {
  return issues
    .flatMap((issue) => explainIssue(issue, source))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

function explainIssue(issue: Issue, source: Source): YamlProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(source.schema, issue.path);
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const nearest = nearestWord(key, known);
      const fix =
        nearest !== undefined
          ? `Did you mean \`${nearest}\`?`
          : `Remove it; known here: ${known.length === 0 ? 'nothing' : known.join(', ')}.`;
      return { ...position(path, source), path: printPath(path), message: 'is not a known key', fix };
    });
  }
  const missing = issue.code === 'invalid_type' && !source.document.hasIn([...issue.path]);
  const message = missing ? 'is missing' : messageOf(issue, source);
  return [
    {
      ...position(issue.path, source),
      path: printPath(issue.path),
      message,
      fix: fixOf(issue, missing),
    },
  ];
}

function messageOf(issue: Issue, { document }: Source): string {
  if (issue.code === 'invalid_value') {
    const value: unknown = document.getIn([...issue.path]);
    return typeof value === 'string' ? `is not valid: \`${value}\`` : 'is not valid';
  }
  return `is not valid: ${lowerFirst(issue.message.replace(/^Invalid input: /, ''))}`;
}

function fixOf(issue: Issue, missing: boolean): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${missing ? 'Add it as' : 'Give'} ${article(issue.expected)}.`;
    case 'invalid_value':
      return `Use one of ${issue.values.map(String).join(', ')}.`;
    case 'too_small':
      return `Give at least ${String(issue.minimum)}.`;
    case 'too_big':
      return `Give at most ${String(issue.maximum)}.`;
    default:
      return 'See docs/configuration.md for what may stand here.';
  }
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? `an ${word}` : `a ${word}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function printPath(path: Path): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('');
}

/** The key's own place; for what is missing, the place of the nearest thing around it. */
function position(path: Path, { document, lineCounter }: Source): { line: number; column: number } {
  let offset = 0;
  for (let length = path.length; length > 0; length--) {
    const found = offsetOf(path.slice(0, length), document);
    if (found !== undefined) {
      offset = found;
      break;
    }
  }
  const { line, col } = lineCounter.linePos(offset);
  return { line, column: col };
}

function offsetOf(path: Path, document: Document.Parsed): number | undefined {
  const key = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (typeof key === 'number') {
    const item = document.getIn([...path], true);
    return isNode(item) ? item.range?.[0] : undefined;
  }
  if (!isNode(parent)) return undefined;
  let found: number | undefined;
  visit(parent, {
    Pair(_, pair) {
      if (isPair(pair) && isScalar(pair.key) && pair.key.value === key) {
        found = pair.key.range?.[0];
        return visit.BREAK;
      }
      return visit.SKIP;
    },
  });
  return found;
}

/** The property names that the schema knows at a path. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  let node = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchemaNode | undefined;
  for (const part of path) {
    node =
      typeof part === 'number' ? node?.items : (node?.properties?.[String(part)] ?? childOfUnion(node, part));
  }
  return alternatives(node).flatMap(({ properties, propertyNames }) => [
    ...Object.keys(properties ?? {}),
    ...(propertyNames?.enum ?? []),
  ]);
}

interface JsonSchemaNode {
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>;
  readonly items?: JsonSchemaNode;
  readonly propertyNames?: { readonly enum?: readonly string[] };
  readonly anyOf?: readonly JsonSchemaNode[];
  readonly oneOf?: readonly JsonSchemaNode[];
}

function alternatives(node: JsonSchemaNode | undefined): readonly JsonSchemaNode[] {
  return node === undefined ? [] : [node, ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
}

function childOfUnion(node: JsonSchemaNode | undefined, part: PropertyKey): JsonSchemaNode | undefined {
  return alternatives(node).find((option) => option.properties?.[String(part)])?.properties?.[String(part)];
}
