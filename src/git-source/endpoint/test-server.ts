// For tests: a real HTTP server with the Git endpoint, an authority that does what the test says, and a real git client beside it.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { TreecastError } from '../../model/treecast-error.ts';
import { createRepository } from '../create-repository.ts';
import { gitEnvironment } from '../git-environment.ts';
import type { Author, Push, PushAuthority } from '../push-authority.ts';
import { createGitEndpoint, type GitEndpoint } from './git-endpoint.ts';
import { type Patience, patienceDefault } from './pump-body.ts';

export interface GitResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestServer {
  readonly endpoint: GitEndpoint;
  readonly origin: string;
  /** With credentials that are right. */
  readonly url: string;
  readonly repositoryPath: string;
  /** What the authority was told, in order. */
  readonly events: { readonly kind: 'before' | 'after'; readonly push: Push }[];
  readonly warnings: string[];
  git(cwd: string, ...args: readonly string[]): Promise<GitResult>;
  /** The work tree of an author, an empty repository with branch main. */
  readonly author: string;
  /** Writes files (null removes one) and commits; the commit's id. */
  commit(files: Readonly<Record<string, string | Buffer | null>>): Promise<string>;
  /** The server's refs, by name; hidden ones too. */
  refs(): Promise<Record<string, string>>;
  /** Temporary objects left behind in the server's repository. */
  leftovers(): string[];
}

export interface TestServerOptions {
  readonly authority?: Partial<PushAuthority>;
  readonly maxInputBytes?: number;
  readonly requestsMax?: number;
  readonly waitMs?: number;
  readonly patience?: Patience;
}

export const clientEnvironment = gitEnvironment({
  GIT_AUTHOR_NAME: 'Author',
  GIT_AUTHOR_EMAIL: 'author@example.org',
  GIT_COMMITTER_NAME: 'Author',
  GIT_COMMITTER_EMAIL: 'author@example.org',
});

export async function startTestServer(t: TestContext, options: TestServerOptions = {}): Promise<TestServer> {
  const root = mkdtempSync(join(tmpdir(), 'treecast-push-'));
  const repositoriesDirectory = join(root, 'repositories');
  const repositoryPath = join(repositoriesDirectory, 'site.git');
  await createRepository(repositoryPath);
  const events: TestServer['events'] = [];
  const warnings: string[] = [];
  const authority: PushAuthority = {
    authorize: options.authority?.authorize ?? authorize,
    beforeRefs(push, quarantine) {
      events.push({ kind: 'before', push });
      return options.authority?.beforeRefs?.(push, quarantine) ?? Promise.resolve({ accepted: true });
    },
    async *afterRefs(push) {
      events.push({ kind: 'after', push });
      yield* options.authority?.afterRefs?.(push) ?? ['live 3/3'];
    },
  };
  // As the CCM's log has it: of errors only what is under `err`.
  const log = (data: { readonly err?: unknown }, message: string): void => {
    warnings.push(`${message} ${JSON.stringify(data)} ${data.err instanceof Error ? inspect(data.err) : ''}`);
  };
  const logger = { warn: log, error: log };
  const {
    maxInputBytes = 100_000_000,
    requestsMax = 64,
    waitMs = 30_000,
    patience = patienceDefault,
  } = options;
  const endpoint = createGitEndpoint({
    repositoriesDirectory,
    authority,
    maxInputBytes,
    requestsMax,
    waitMs,
    patience,
    logger,
  });
  const server = createServer(endpoint).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const author = join(root, 'author');
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await endpoint.settled();
    rmSync(root, { recursive: true, force: true });
  });
  await git(root, 'init', '--quiet', '--initial-branch=main', author);

  return {
    endpoint,
    origin: `http://127.0.0.1:${port}`,
    url: `http://me:right@127.0.0.1:${port}/site.git`,
    repositoryPath,
    events,
    warnings,
    git,
    author,
    async commit(files) {
      for (const [path, content] of Object.entries(files)) {
        const target = join(author, path);
        if (content === null) rmSync(target);
        else {
          mkdirSync(dirname(target), { recursive: true });
          writeFileSync(target, content);
        }
      }
      await git(author, 'add', '--all');
      await git(author, 'commit', '--quiet', '--allow-empty', '-m', 'a commit');
      return (await git(author, 'rev-parse', 'HEAD')).stdout.trim();
    },
    async refs() {
      const { stdout } = await git(repositoryPath, 'for-each-ref', '--format=%(refname) %(objectname)');
      return Object.fromEntries(
        stdout
          .split('\n')
          .filter(Boolean)
          .map((line) => line.split(' ') as [string, string]),
      );
    },
    leftovers: () => readdirSync(join(repositoryPath, 'objects')).filter((name) => name.startsWith('tmp_')),
  };
}

async function authorize(
  credentials: { readonly user: string; readonly password: string },
  repository: string,
  access: 'read' | 'write',
): Promise<Author> {
  if (!['right', 'reader'].includes(credentials.password)) {
    throw new TreecastError('UNAUTHENTICATED', 'This token is not known.', { fix: 'Use an author token.' });
  }
  if (repository !== 'site') throw new TreecastError('NOT_FOUND', `There is no repository ${repository}.`);
  if (access === 'write' && credentials.password === 'reader') {
    throw new TreecastError('FORBIDDEN', 'This token may not push here.', { fix: 'Ask an operator.' });
  }
  return { author: credentials.user, authorId: credentials.password };
}

function git(cwd: string, ...args: readonly string[]): Promise<GitResult> {
  return new Promise((resolve) => {
    execFile('git', args, { cwd, env: clientEnvironment, maxBuffer: 64e6 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}
