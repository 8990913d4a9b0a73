// An author's clone: real git, its own identity and configuration, nothing of the machine's.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { endProgram } from './run-program.ts';

export interface GitResult {
  /** 1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Author {
  readonly directory: string;
  /** Runs git; fails the test when it fails. */
  git(...args: string[]): Promise<string>;
  /** Runs git and says how it went. */
  tryGit(args: readonly string[], input?: string | Buffer): Promise<GitResult>;
  write(path: string, content: string | Buffer): Promise<void>;
  /** Stages everything and commits; the new commit's tree id. */
  commit(message?: string): Promise<string>;
  /** Pushes HEAD to the branch; what the terminal showed. */
  push(url: string, options?: readonly string[]): Promise<GitResult>;
  tree(ref?: string): Promise<string>;
  remove(): Promise<void>;
}

const env = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Author',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'Author',
  GIT_COMMITTER_EMAIL: 'author@example.org',
};

export async function createAuthor(branch = 'main'): Promise<Author> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-author-'));
  const tryGit = async (args: readonly string[], input?: string | Buffer): Promise<GitResult> => {
    const options = { cwd: directory, env, ...(input === undefined ? {} : { input }) };
    const { code, stdout, stderr } = await endProgram('git', args, options);
    return { code: code ?? 1, stdout, stderr };
  };
  const git = async (...args: string[]) => {
    const { code, stdout, stderr } = await tryGit(args);
    assert.equal(code, 0, `git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  await git('init', '-q', '-b', branch);
  return {
    directory,
    git,
    tryGit,
    async write(path, content) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), content);
    },
    async commit(message = 'change') {
      await git('add', '-A');
      await git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD^{tree}');
    },
    push: (url, options = []) => tryGit(['push', ...options, url, `HEAD:refs/heads/${branch}`]),
    tree: (ref = 'HEAD') => git('rev-parse', `${ref}^{tree}`),
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 20 }),
  };
}
