// Configuration files: YAML text in, a value that its schema accepts out, or one INVALID_CONFIGURATION error that lists
// every problem with line, column and fix. What a file may say is its schema's business, not this module's.

import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { TreecastError } from '../model/treecast-error.ts';
import { explainIssues } from './yaml-problem.ts';

/** One thing that is wrong in a file. Lines and columns count from 1. */
export interface YamlProblem {
  readonly line: number;
  readonly column: number;
  /** Where in the document, as `serve.port` or `sites[2].name`; empty for the whole. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

const fileBytesMax = 1_048_576;

/** Throws NOT_FOUND when there is no such file, INVALID_CONFIGURATION for everything that is wrong in it. */
export async function readYamlFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    throw new TreecastError(
      code === 'ENOENT' ? 'NOT_FOUND' : 'INVALID_CONFIGURATION',
      `The configuration file ${path} cannot be read (${String(code)}).`,
      { cause, fix: 'Check the path and the rights of the file.' },
    );
  }
  return parseYaml(text, schema, path);
}

/** `name` is what messages call the file. An empty file counts as `{}`. */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  schema: Schema,
  name: string,
): z.output<Schema> {
  if (Buffer.byteLength(text) > fileBytesMax) {
    throw invalidConfiguration(name, [
      {
        line: 1,
        column: 1,
        path: '',
        message: `is larger than ${fileBytesMax} bytes`,
        fix: 'Check that this is the configuration file that you meant.',
      },
    ]);
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, version: '1.2', merge: false });
  if (document.errors.length > 0) {
    const problems = document.errors.map((error): YamlProblem => {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      return {
        line,
        column: col,
        path: '',
        message: `is not YAML: ${error.message}`,
        fix: 'Check indentation, quotes and colons on this line and the one above.',
      };
    });
    throw invalidConfiguration(name, problems);
  }
  let value: unknown;
  try {
    value = document.contents === null ? {} : document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new TreecastError('INVALID_CONFIGURATION', `${name} has too many aliases.`, {
      cause,
      fix: 'Write the repeated parts out.',
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidConfiguration(name, explainIssues(parsed.error.issues, { schema, document, lineCounter }));
}

function invalidConfiguration(name: string, problems: readonly YamlProblem[]): TreecastError {
  const lines = problems.map((problem) => {
    const at = problem.path === '' ? '' : `${problem.path} `;
    return `  ${name}:${problem.line}:${problem.column} ${at}${problem.message}. ${problem.fix}`;
  });
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new TreecastError('INVALID_CONFIGURATION', [`${name} has ${count}:`, ...lines].join('\n'), {
    fix: 'Correct the lines named, then check the file with `treecast config check`.',
    data: { file: name, problems },
  });
}
