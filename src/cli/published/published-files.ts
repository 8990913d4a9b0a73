// Files of the repository that are made from code: JSON Schemas of configuration files, parts of docs/cli.md and docs/configuration.md.
// A test compares them with what stands in the repository, and writes them when it is told to.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultSitePolicy } from '../../model/site.ts';
import { commands } from '../commands/command-list.ts';
import { configurationKindNames, jsonSchemaOf } from '../configuration-kinds.ts';
import { commandReference, exitCodeTable } from './command-reference.ts';
import { configurationReference } from './configuration-reference.ts';

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url));

export interface PublishedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

export async function publishedFiles(): Promise<PublishedFile[]> {
  return [
    ...configurationKindNames.map((kind) => ({
      path: `schemas/${kind}.json`,
      text: `${JSON.stringify(jsonSchemaOf(kind), null, 2)}\n`,
    })),
    await withParts('docs/cli.md', {
      'exit codes': exitCodeTable(),
      commands: commandReference(commands),
    }),
    await withParts(
      'docs/configuration.md',
      Object.fromEntries(
        configurationKindNames.map((kind) => [
          kind,
          configurationReference(jsonSchemaOf(kind), kind === 'policy' ? { ...defaultSitePolicy } : {}),
        ]),
      ),
    ),
  ];
}

/** The file as it is, with what stands between the marks of each part replaced. */
async function withParts(path: string, parts: Readonly<Record<string, string>>): Promise<PublishedFile> {
  let text = await readFile(join(repositoryRoot, path), 'utf8');
  for (const [name, content] of Object.entries(parts)) {
    const begin = `<!-- made from code: ${name} -->\n`;
    const end = `\n<!-- end: ${name} -->`;
    const from = text.indexOf(begin) + begin.length;
    const to = text.indexOf(end);
    if (from < begin.length || to < from - 1) continue;
    text = `${text.slice(0, from)}${content}${text.slice(to)}`;
  }
  return { path, text };
}
