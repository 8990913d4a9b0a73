// Makes a staging repository, or brings the configuration and hooks of an existing one up to date. Bare, no automatic garbage
// collection (it would run in a push's way), objects checked and made durable before a ref moves.

import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { failpoint } from '../faults/failpoint.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { hiddenRefPrefix } from './hidden-tree-ref.ts';
import { preReceiveHook } from './pre-receive-hook.ts';
import { runGit } from './run-git.ts';

export interface RepositoryOptions {
  /** What HEAD names in a new repository, for clones; without `refs/heads/`. */
  readonly branch?: string;
}

/**
 * Flaws of commit metadata that old, honest histories have and that cannot reach a web server are let through; everything that
 * concerns trees is an error, because a node recomputes tree ids from disk and must get the same.
 * `alternateRefsCommand` is the program true(1): in a quarantine Git takes the repository itself for an alternate and would list all refs
 * once more, hidden ones too, and then walk every kept tree whole, at every push.
 */
const configuration = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	logAllRefUpdates = false
	hooksPath = hooks
	fsync = committed,loose-object,reference
	bigFileThreshold = 64m
	alternateRefsCommand = true
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	fsckObjects = true
	unpackLimit = 100
	autogc = false
	advertisePushOptions = true
	updateServerInfo = false
	denyDeletes = false
	denyDeleteCurrent = ignore
	denyNonFastForwards = false
	keepAlive = 5
[receive "fsck"]
	badFilemode = error
	badTimezone = ignore
	missingSpaceBeforeDate = ignore
	missingEmail = ignore
	missingNameBeforeEmail = ignore
	multipleAuthors = ignore
[transfer]
	hideRefs = ${hiddenRefPrefix.replace(/\/$/, '')}
	fsckObjects = true
[uploadpack]
	allowFilter = true
[pack]
	writeReverseIndex = false
`;

export async function createRepository(path: string, options: RepositoryOptions = {}): Promise<void> {
  if (!(await isRepository(path))) {
    const branch = options.branch ?? 'main';
    await mkdir(path, { recursive: true, mode: 0o700 });
    await runGit(['init', '--quiet', '--bare', '--template=', `--initial-branch=${branch}`, '--', path]);
    failpoint('ccm.repository.made');
  }
  const existing = await readFile(`${path}/config`, 'utf8');
  if (/^\s*\[extensions/m.test(existing)) {
    throw new TreecastError('INVALID_CONFIGURATION', `${path} is a repository with format extensions.`, {
      fix: 'Use a SHA-1 repository with files as its ref store, or remove the directory and push again.',
    });
  }
  await mkdir(`${path}/hooks`, { recursive: true });
  await replaceFile(`${path}/hooks/pre-receive`, preReceiveHook, 0o755);
  await replaceFile(`${path}/config`, configuration, 0o644);
}

async function isRepository(path: string): Promise<boolean> {
  const head = await readFile(`${path}/HEAD`, 'latin1').catch(() => '');
  return head !== '';
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return chmod(path, mode);
  await writeFile(`${path}.new`, text, { mode });
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
  failpoint('ccm.repository.file-replaced');
}
