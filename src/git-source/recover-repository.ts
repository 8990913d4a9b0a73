// Cleans up after a CCM or a machine that died in the middle of a push: stale locks, quarantines, half-written hidden refs.
// Only to be called while no Git process of ours runs on the repository (at start, under the state directory's lock).

import { readdir, readFile, rm } from 'node:fs/promises';
import { failpoint } from '../faults/failpoint.ts';
import { hiddenRefPrefix } from './hidden-tree-ref.ts';
import { isObjectId } from './ref-name.ts';

/** What was removed, relative to the repository, for the log. */
export async function recoverRepository(repositoryPath: string): Promise<string[]> {
  const stale = [
    ...(await locksUnder(repositoryPath, '', false)),
    ...(await locksUnder(repositoryPath, 'refs/', true)),
    ...(await leftovers(repositoryPath)),
    ...(await brokenHiddenRefs(repositoryPath)),
  ];
  for (const path of stale) {
    await rm(`${repositoryPath}/${path}`, { recursive: true, force: true });
    failpoint('ccm.repository.leftover-removed');
  }
  return stale;
}

/** `packed-refs.lock`, `HEAD.lock`, `config.lock` at the top; every `*.lock` below refs/. */
async function locksUnder(repositoryPath: string, prefix: string, recursive: boolean): Promise<string[]> {
  const entries = await readdir(`${repositoryPath}/${prefix}`, { withFileTypes: true });
  const locks = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.lock'));
  const below = recursive ? entries.filter((entry) => entry.isDirectory()) : [];
  const nested = await Promise.all(
    below.map((entry) => locksUnder(repositoryPath, `${prefix}${entry.name}/`, true)),
  );
  return [...locks.map((entry) => prefix + entry.name), ...nested.flat()];
}

/** Quarantines (`tmp_objdir-*`, older Git: `incoming-*`) and temporary objects and packs. */
async function leftovers(repositoryPath: string): Promise<string[]> {
  const objects = await readdir(`${repositoryPath}/objects`, { withFileTypes: true });
  const quarantines = objects.filter((entry) => /^(?:tmp_objdir-|incoming-)/.test(entry.name));
  const found = quarantines.map((entry) => `objects/${entry.name}`);
  for (const directory of objects.filter(
    (entry) => entry.isDirectory() && /^(?:[0-9a-f]{2}|pack)$/.test(entry.name),
  )) {
    const names = await readdir(`${repositoryPath}/objects/${directory.name}`);
    const temporary = names.filter(
      (name) => name.startsWith('tmp_') || name.startsWith('.tmp-') || name.endsWith('.lock'),
    );
    found.push(...temporary.map((name) => `objects/${directory.name}/${name}`));
  }
  return found;
}

async function brokenHiddenRefs(repositoryPath: string): Promise<string[]> {
  const directory = `${hiddenRefPrefix}trees`;
  const names = await readdir(`${repositoryPath}/${directory}`).catch((): string[] => []);
  const broken: string[] = [];
  for (const name of names.filter((each) => !each.endsWith('.lock'))) {
    const text = await readFile(`${repositoryPath}/${directory}/${name}`, 'latin1');
    if (!isObjectId(name) || text !== `${name}\n`) broken.push(`${directory}/${name}`);
  }
  return broken;
}
