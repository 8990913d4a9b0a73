// What lies on a node's disk, read without the agent: the live tree's id as Git computes it, and whatever lies there that nothing names.

import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../run-program.ts';

/** The tree id of what `live` shows, twins left out; null when there is no `live`. `repository`: any, for its objects directory. */
export async function liveTreeOnDisk(siteDirectory: string, repository: string): Promise<string | null> {
  const live = join(siteDirectory, 'live');
  if ((await readlink(live).catch(() => null)) === null) return null;
  const scratch = await mkdtemp(join(tmpdir(), 'treecast-index-'));
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', GIT_INDEX_FILE: join(scratch, 'index') };
  const git = (...args: string[]) =>
    runProgram('git', [`--git-dir=${repository}/.git`, `--work-tree=${live}/.`, ...args], { env, cwd: live });
  try {
    await git('add', '-A', '--force', '--', '.', ':(exclude,glob)**/*.gz');
    return (await git('write-tree')).trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface JournalOnDisk {
  readonly slots: readonly {
    readonly directory: string;
    readonly commands: string | null;
    readonly lag: { readonly assignments: readonly string[] };
  }[];
}

/** Names below an agent's directory that should not be there; the site's three trees that are missing are named too. */
export async function leftoversOnNode(directory: string, site: string): Promise<string[]> {
  const at = join(directory, 'sites', site);
  const { slots } = JSON.parse(await readFile(join(at, 'state.json'), 'utf8')) as JournalOnDisk;
  const kept = new Set(slots.flatMap(({ lag, commands }) => [...lag.assignments, commands]));
  const directories = slots.map((slot) => slot.directory);
  const trees = await readdir(join(at, 'trees'));
  const found = [
    ...(await readdir(at)).filter(
      (name) =>
        !/^(?:(?:live|state\.json)(?:\.spare)?|trees|inbox|scrub\.json|(?:index|twins)\.db(?:-wal|-shm)?)$/.test(
          name,
        ),
    ),
    ...trees.filter((name) => name !== '.work' && !directories.includes(name)).map((name) => `trees/${name}`),
    ...(await readdir(join(at, 'trees', '.work'))).map((name) => `trees/.work/${name}`),
    ...(await readdir(join(at, 'inbox')))
      .filter((name) => !kept.has(name.split('.')[0] ?? ''))
      .map((name) => `inbox/${name}`),
    ...(await readdir(join(directory, 'sites')))
      .filter((name) => name !== site)
      .map((name) => `sites/${name}`),
    ...(await readdir(join(directory, 'identity')))
      .filter((name) => name.endsWith('.tmp'))
      .map((name) => `identity/${name}`),
    ...(await readdir(directory)).filter((name) => name.endsWith('.tmp')),
    ...(await readdir(join(directory, 'plugins', '.pending')).catch(() => [])).map(
      (name) => `plugins/.pending/${name}`,
    ),
  ];
  return directories.length === 3 ? found : [...found, `${directories.length} trees instead of 3`];
}
