// Clears away what a CCM, a machine or a receive-pack that died in the middle of a push left behind: stale locks, quarantines, half-written
// hidden refs. Only while no push is being received into the repository; pushes that a dead CCM left behind are waited for (N26).

import { readdir, readFile, rm } from 'node:fs/promises';
import { failpoint } from '../faults/failpoint.ts';
import { hiddenRefPrefix } from './hidden-tree-ref.ts';
import { endedPushProcesses } from './push-processes.ts';
import { isObjectId } from './ref-name.ts';

/** `start`: nothing of ours works on the repository. `push`: hidden refs may be being written by this very process, and are left alone. */
export type RecoverWhen = 'start' | 'push';

/** What was removed, relative to the repository, for the log. `isReceiving` false: no push is known to be left there, and none is looked for. */
export async function recoverRepository(
  repositoryPath: string,
  when: RecoverWhen = 'start',
  isReceiving = true,
): Promise<string[]> {
  if (isReceiving) await endedPushProcesses(repositoryPath);
  const stale = [
    ...(await leftoversAtTop(repositoryPath)),
    ...(await locksUnder(repositoryPath, 'refs/', when)),
    ...(await leftovers(repositoryPath)),
    ...(when === 'start' ? await brokenHiddenRefs(repositoryPath) : []),
  ];
  for (const path of stale) {
    await rm(`${repositoryPath}/${path}`, { recursive: true, force: true });
    failpoint('ccm.repository.leftover-removed');
  }
  return stale;
}

/**
 * `HEAD.lock`, `shallow.lock`, `packed-refs.lock`; the file that Git writes before it becomes `packed-refs`, without whose removal no
 * packed ref can ever be deleted again; lists of shallow commits.
 */
async function leftoversAtTop(repositoryPath: string): Promise<string[]> {
  const entries = await readdir(repositoryPath, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.lock$|^packed-refs\.new$|^shallow_\w{6}$/.test(entry.name))
    .map((entry) => entry.name);
}

/** Every `*.lock` below refs/. */
async function locksUnder(repositoryPath: string, prefix: string, when: RecoverWhen): Promise<string[]> {
  if (when === 'push' && prefix === hiddenRefPrefix) return [];
  const entries = await readdir(`${repositoryPath}/${prefix}`, { withFileTypes: true });
  const locks = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.lock'));
  const below = entries.filter((entry) => entry.isDirectory());
  const nested = await Promise.all(
    below.map((entry) => locksUnder(repositoryPath, `${prefix}${entry.name}/`, when)),
  );
  return [...locks.map((entry) => prefix + entry.name), ...nested.flat()];
}

/** Quarantines (`tmp_objdir-*`, older Git: `incoming-*`), temporary objects and packs, and the marks that keep a pack until its refs have moved. */
async function leftovers(repositoryPath: string): Promise<string[]> {
  const objects = await readdir(`${repositoryPath}/objects`, { withFileTypes: true });
  const quarantines = objects.filter((entry) => /^(?:tmp_objdir-|incoming-)/.test(entry.name));
  const found = quarantines.map((entry) => `objects/${entry.name}`);
  for (const directory of objects.filter(
    (entry) => entry.isDirectory() && /^(?:[0-9a-f]{2}|pack)$/.test(entry.name),
  )) {
    const names = await readdir(`${repositoryPath}/objects/${directory.name}`);
    for (const name of names) {
      const path = `objects/${directory.name}/${name}`;
      const isTemporary = name.startsWith('tmp_') || name.startsWith('.tmp-') || name.endsWith('.lock');
      if (isTemporary || (name.endsWith('.keep') && (await isMarkOfPush(`${repositoryPath}/${path}`))))
        found.push(path);
    }
  }
  return found;
}

/** An operator's own `.keep` says something else, or nothing. */
async function isMarkOfPush(path: string): Promise<boolean> {
  return /^(?:receive-pack|fetch-pack) \d+ on /.test(await readFile(path, 'utf8').catch(() => ''));
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
