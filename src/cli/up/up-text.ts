// What `up` tells people when it is ready: addresses, and the lines to paste for a first push.

import { fieldLines } from '../resource-lines.ts';
import type { Style } from '../style.ts';
import type { UpReady } from './up-session.ts';

export interface UpTextOptions {
  readonly ready: UpReady;
  readonly directory: string;
  readonly style: Style;
  /** How the user calls the CLI: `treecast` or `bin/treecast`. */
  readonly program: string;
  /** Git has no name and address for commits yet: the lines bring some. */
  readonly needsIdentity: boolean;
}

export function upLines({ ready, directory, style, program, needsIdentity }: UpTextOptions): string[] {
  const remote = ready.git.replace('://', `://you:${ready.token}@`);
  const identity = needsIdentity ? ' -c user.name=You -c user.email=you@example.org' : '';
  const first = ready.nodes[0];
  return [
    style.good(style.bold('Treecast is running.')),
    '',
    ...fieldLines([
      ['api', ready.api],
      ['git', ready.git],
      ['token', ready.token],
      ['site', `${ready.site}, branch ${ready.branch}`],
      ...ready.nodes.map(({ name, url }) => [name, url] as const),
      ['state', directory],
    ]).map((line) => `  ${line}`),
    '',
    style.bold('Publish something (in another terminal):'),
    '',
    `  git init -b ${ready.branch} my-site && cd my-site`,
    `  echo '<h1>Hello, servers</h1>' > index.html`,
    '  git add index.html',
    `  git${identity} commit -m 'First page'`,
    `  git push ${remote} ${ready.branch}`,
    ...(first === undefined ? [] : [`  curl ${first.url}/`]),
    '',
    style.bold('Or a repository that you have:'),
    '',
    `  git remote add treecast ${remote}`,
    `  git push --force treecast HEAD:${ready.branch}`,
    '',
    style.dim('  (--force: its history is another one than that of my-site above.)'),
    '',
    style.dim(
      `  (Without the token in the URL: ${ready.git}; git then asks for any user name, and the token as password.)`,
    ),
    '',
    style.bold('Look at it:'),
    '',
    `  ${program} status ${ready.site} --watch`,
    `  ${program} verify ${ready.site}`,
    '',
    style.dim('Ctrl-C stops the CCM and its agents; the next start goes on where this one was.'),
  ];
}
