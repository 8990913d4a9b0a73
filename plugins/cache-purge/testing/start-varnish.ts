// varnishd with the VCL that this plugin ships.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningProgram, startProgram } from './start-program.ts';

const snippet = join(import.meta.dirname, '..', 'varnish', 'treecast.vcl');

export function startVarnish(options: {
  readonly originPort: number;
  /** Checked as the snippet shows it, from a file. */
  readonly secret?: string;
  /** The file with the secret is not there. */
  readonly isSecretGone?: boolean;
  /** Instead of the loopback. */
  readonly purger?: string;
  /** Added behind the include. */
  readonly vcl?: string;
}): Promise<RunningProgram> {
  return startProgram(async ({ directory, port }) => {
    let text = await readFile(snippet, 'utf8');
    if (options.secret !== undefined) {
      const file = join(directory, 'secret');
      if (!options.isSecretGone) await writeFile(file, `${options.secret}\n`);
      text = text
        .replaceAll(/^( *)# (if \(req\.http\.x-treecast-secret|return \(synth\(405, "Wrong|\})/gm, '$1$2')
        .replaceAll(/^ {8}# {5}return/gm, '            return')
        .replace('/etc/varnish/treecast.secret', file);
    }
    if (options.purger !== undefined)
      text = text.replace(/acl treecast_purgers \{[^}]*\}/, `acl treecast_purgers { "${options.purger}"; }`);
    await writeFile(join(directory, 'treecast.vcl'), text);
    await writeFile(
      join(directory, 'default.vcl'),
      [
        'vcl 4.1;',
        `backend default { .host = "127.0.0.1"; .port = "${options.originPort}"; }`,
        'include "./treecast.vcl";',
        options.vcl ?? '',
      ].join('\n'),
    );
    return {
      program: 'varnishd',
      args: [
        ...['-F', '-j', 'none', '-n', join(directory, 'work'), '-a', `127.0.0.1:${port}`, '-T', 'none'],
        ...['-f', join(directory, 'default.vcl'), '-s', 'default,64m', '-p', 'thread_pool_min=20'],
        // So that an entry cached as missing is kept as long as pages are.
        ...['-p', 'default_grace=10', '-p', 'vcl_path=.'],
      ],
    };
  });
}
