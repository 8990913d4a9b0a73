// The site that is published under load: pages that change with every release and say so in every line, and assets that never change.

import type { Author } from '../../test/lab/author.ts';

export const pages = 20;
export const assets = 20;
const linesOfPage = 200;
const assetBytes = 20_000;

export const pagePath = (index: number): string => `page-${index}.html`;
export const assetPath = (index: number): string => `assets/asset-${index}.css`;

/** Every line has the version, so that bytes of two versions show. */
function page(index: number, version: number): string {
  return `version=${version} page=${index} some words that fill the line\n`.repeat(linesOfPage);
}

export async function writeAssets(author: Author): Promise<void> {
  await author.write('index.html', 'up\n');
  for (let index = 0; index < assets; index++)
    await author.write(assetPath(index), `.a${index} { color: red }\n`.padEnd(assetBytes, '/* same */\n'));
}

export async function writePages(author: Author, version: number): Promise<void> {
  for (let index = 0; index < pages; index++) await author.write(pagePath(index), page(index, version));
}

/** The page's version; undefined when its bytes are of two, or are cut off. */
export function versionOf(body: string): number | undefined {
  const lines = body.split('\n');
  const first = /^version=(\d+) page=/.exec(lines[0] ?? '')?.[1];
  if (first === undefined || lines.length !== linesOfPage + 1) return undefined;
  const start = `version=${first} page=`;
  for (let index = 1; index < linesOfPage; index++) if (!lines[index]?.startsWith(start)) return undefined;
  return Number(first);
}
