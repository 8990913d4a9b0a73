// The author: a clone whose history starts with the repository's whole tree as one commit, then one-file edits of its own text files.
// Git's own programs and nothing of this machine's Git configuration.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { runProgram } from '../../test/lab/run-program.ts';

export interface Edit {
  readonly path: string;
  readonly bytes: Buffer;
  readonly tree: string;
}

export interface Author {
  /** Commits one changed file; both sides of a comparison push the same commits. */
  edit(number: number): Promise<Edit>;
  /** The file that stands for the first push. */
  first(): Promise<Edit>;
  /** The tree id of the last commit. */
  tree(): Promise<string>;
  /** Seconds that `git push` took; it throws what Git said when the push failed. */
  push(remote: string): Promise<{ readonly seconds: number; readonly output: string }>;
}

export const gitEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'author',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'author',
  GIT_COMMITTER_EMAIL: 'author@example.org',
};

const textTypes = new Set(['.html', '.htm', '.css', '.js', '.mjs', '.md', '.txt', '.json', '.svg', '.xml']);
const editedBytesMax = 512 * 1024;

export async function createAuthor(repository: string, directory: string, edits: number): Promise<Author> {
  const git = (...parameters: string[]): Promise<string> =>
    runProgram('git', parameters, { cwd: directory, env: gitEnvironment });
  await runProgram('git', ['-c', 'safe.directory=*', 'clone', '--quiet', repository, directory], {
    env: gitEnvironment,
  });
  await git('config', 'gc.auto', '0');
  const root = (await git('commit-tree', 'HEAD^{tree}', '-m', 'The whole tree')).trim();
  await git('checkout', '--quiet', '-B', 'publish', root);
  const paths = await editablePaths(git, edits);

  const describe = async (path: string): Promise<Edit> => ({
    path,
    bytes: await readFile(join(directory, path)),
    tree: (await git('rev-parse', 'HEAD^{tree}')).trim(),
  });
  return {
    first: () => describe(paths[0] as string),
    async edit(number) {
      const path = paths[number % paths.length] as string;
      await appendFile(join(directory, path), `\nedit ${number}\n`);
      await git('commit', '--quiet', '--all', '--message', `Edit ${number}`);
      return describe(path);
    },
    tree: async () => (await git('rev-parse', 'HEAD^{tree}')).trim(),
    push: (remote) => push(directory, remote),
  };
}

export async function push(directory: string, remote: string): Promise<{ seconds: number; output: string }> {
  const startedAt = performance.now();
  const child = spawn('git', ['push', remote, 'publish:main'], {
    cwd: directory,
    env: gitEnvironment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = (performance.now() - startedAt) / 1000;
  if (code !== 0) throw new Error(`git push ended with ${code}: ${output}`);
  return { seconds, output };
}

/** Text files spread evenly over the tree, none of them hidden. */
async function editablePaths(
  git: (...parameters: string[]) => Promise<string>,
  edits: number,
): Promise<string[]> {
  const listed = await git('ls-tree', '-r', '-z', '--long', 'HEAD');
  const paths: string[] = [];
  for (const line of listed.split('\0')) {
    const [facts = '', path = ''] = line.split('\t');
    const [mode, , , size] = facts.split(/ +/);
    const isHidden = path.split('/').some((name) => name.startsWith('.'));
    if (mode === '100644' && !isHidden && textTypes.has(extname(path)) && Number(size) <= editedBytesMax)
      paths.push(path);
  }
  if (paths.length === 0) throw new Error('the repository has no text file to edit');
  const step = Math.max(1, Math.floor(paths.length / edits));
  return paths.filter((_, index) => index % step === 0).slice(0, edits);
}
