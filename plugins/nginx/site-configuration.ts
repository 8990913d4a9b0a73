// Configuration that the repository brings for its site: every directive and argument is judged, and what is left is written anew, word by
// word, on the line it had. Nothing in it can name a file outside the tree. Whether nginx takes it is nginx's to say.

import { PluginError } from 'treecast/plugin';
import type { SiteDirective } from './configuration.ts';
import { judgeArguments } from './judge-arguments.ts';
import { quoteValue } from './quote-value.ts';
import { type Directive, readDirectives } from './read-directives.ts';

export interface SiteConfigurationRules {
  /** Of the file in the repository, for messages. */
  readonly path: string;
  readonly directives: readonly SiteDirective[];
  /** Directives that every location gets: the root, and what else the site's own have. */
  readonly everyLocation: readonly string[];
  /** `add_header` of the release: a location with headers of its own would lose it. */
  readonly releaseHeader: string;
}

export const siteConfigurationBytesMax = 262_144;
const directivesMax = 2_000;
const problemsMax = 20;
const headLine = '# Written by Treecast from the repository of the site: change it there.';
export const noSiteConfiguration = '# Written by Treecast: the repository brings no configuration.\n';

/** The text for nginx; `bytes` is null when the tree has no such file. Throws with every problem and its line. */
export function siteConfiguration(bytes: Uint8Array | null, rules: SiteConfigurationRules): string {
  if (bytes === null) return noSiteConfiguration;
  const refuse = (problems: readonly string[]): PluginError =>
    new PluginError(
      `the site's configuration is refused: ${problems.slice(0, problemsMax).join('; ')}${problems.length > problemsMax ? '; …' : ''}`,
      { fix: `Correct ${rules.path} in the repository and push again.`, retryable: false },
    );
  if (bytes.length > siteConfigurationBytesMax)
    throw refuse([`${rules.path} has more than ${siteConfigurationBytesMax} bytes`]);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse([`${rules.path} is not UTF-8`]);
  }
  const { directives, problem } = readDirectives(text);
  const problems: string[] = [];
  let count = 0;
  const judge = (directive: Directive, inLocation: boolean): void => {
    count += 1;
    const told = problemsOf(directive, rules, inLocation);
    problems.push(...told.map((message) => `${rules.path}:${directive.line}: ${message}`));
    for (const inner of directive.block ?? []) judge(inner, true);
  };
  for (const directive of directives) judge(directive, false);
  if (problem) problems.push(`${rules.path}:${problem.line}: ${problem.message}`);
  if (count > directivesMax) problems.push(`${rules.path} has more than ${directivesMax} directives`);
  if (problems.length > 0) throw refuse(problems);
  return written(directives, rules);
}

/** nginx's message about the written file, told with the repository's file and line. */
export function inRepositoryTerms(message: string, writtenFile: string, path: string): string {
  return message
    .split(`${writtenFile}:`)
    .map((part, index) =>
      index === 0 ? part : `${path}:${part.replace(/^\d+/, (line) => String(Number(line) - 1))}`,
    )
    .join('');
}

function problemsOf(directive: Directive, rules: SiteConfigurationRules, inLocation: boolean): string[] {
  const { name, args, block } = directive;
  if (!(rules.directives as readonly string[]).includes(name))
    return [`"${name.slice(0, 100)}" may not be used; allowed are ${rules.directives.join(', ')}`];
  if (name === 'location' && inLocation) return ['a location may not lie in another'];
  if ((name === 'location') !== (block !== null))
    return [name === 'location' ? '"location" has no block' : `"${name}" has no block`];
  return judgeArguments(name as SiteDirective, args, rules.releaseHeader);
}

function written(directives: readonly Directive[], rules: SiteConfigurationRules): string {
  let text = headLine;
  let line = 1;
  const goTo = (wanted: number): void => {
    // One further down than in the repository: the head stands above.
    for (; line < wanted + 1; line += 1) text += '\n';
  };
  const write = ({ name, args, line: from, block }: Directive): void => {
    goTo(from);
    text += `${[name, ...args.map(quoteValue)].join(' ')}`;
    if (!block) {
      text += '; ';
      return;
    }
    const own = [...rules.everyLocation];
    if (block.some((inner) => inner.name === 'add_header'))
      own.push(`add_header ${rules.releaseHeader} $treecast_release always`);
    text += ` { ${own.map((one) => `${one}; `).join('')}`;
    for (const inner of block) write(inner);
    text += '} ';
  };
  for (const directive of directives) write(directive);
  return `${text.trimEnd()}\n`;
}
