// Opens one site's directory: makes what is missing, recovers what a crash left, and gives the context the store works with.

import { constants } from 'node:fs';
import path from 'node:path';
import type { ObjectIdLength } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { SiteGrant } from '../../model/messages.ts';
import { compareReleases, type Release } from '../../model/release.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import { runInSlices } from '../../slices/slices.ts';
import { createDirectoryHandles } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import { createInbox } from './inbox.ts';
import type { Modes } from './interpreter.ts';
import { createJournal } from './journal.ts';
import { createLayout, heldLayout, type Layout, type LayoutHandles, workName } from './layout.ts';
import { knownOwner } from './owner.ts';
import { recover } from './recover.ts';
import { emptyDirectory } from './removal.ts';
import { createReserve } from './reserve.ts';
import type { SiteContext } from './site-context.ts';
import type { SiteStoreOptions } from './site-store.ts';
import { keptNamed, type State } from './state.ts';
import { createTreeIndex } from './tree-index.ts';
import { createTwinRecords } from './twin-records.ts';

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY;
/** What the agent's own directories are; web servers must get through to the tree. */
const ownDirectoryMode = 0o755;
const privateDirectoryMode = 0o700;

export async function openSite(
  { root, site }: Pick<SiteStoreOptions, 'root' | 'site'>,
  grant: () => SiteGrant,
  disk: Disk,
): Promise<SiteContext> {
  const paths = createLayout(root, site);
  await makeDirectories(disk, root, paths);
  const index = createTreeIndex(paths.index);
  const twins = createTwinRecords(paths.twins);
  const opened: number[] = [];
  const open = (directory: string): number => {
    const handle = disk.open(directory, directoryFlags);
    opened.push(handle);
    return handle;
  };
  try {
    const handles: LayoutHandles = {
      site: open(paths.site),
      trees: open(paths.trees),
      work: open(paths.work),
      inbox: open(paths.inbox),
    };
    const layout = heldLayout(paths, handles);
    const { state, isRebuilt, trash } = await recover({
      disk,
      layout,
      paths,
      index,
      twins,
      site,
      journal: readJournal(disk, layout),
      hexLength: hexLengthOf(grant()),
    });
    const inbox = createInbox(disk, layout);
    inbox.recover(keptNamed(state), (header) => isStillWanted(header.release, state));
    // STG-28: what a killed process had renamed is seen here, and may not be durable.
    const isDurable = state.slots.length === 0 || (await areSynced(disk, handles.trees, handles.site));
    const reserve = createReserve(disk, layout);
    const journal = createJournal(disk, layout, handles.site, { state, isDurable, reserve });
    if (isRebuilt) await journal.save(state, 'kept');
    failpoint('agent.site.opened');
    const leftInWork = await emptyWork(disk, layout);
    let temporaries = 1 + Math.max(-1, ...leftInWork.map((name) => Number(name) || 0));
    return {
      disk,
      layout,
      paths,
      index,
      twins,
      inbox,
      journal,
      reserve,
      handles,
      modes: () => modesOf(grant()),
      temporary: () => path.join(layout.work, String(temporaries++)),
      making: null,
      trash: [...trash, ...leftInWork.map((name) => `${workName}/${name}`)],
    };
  } catch (error) {
    for (const handle of opened) disk.close(handle);
    index.close();
    twins.close();
    throw error;
  }
}

/** A disk that is read-only or fails keeps no tree from being served. */
async function areSynced(disk: Disk, ...handles: readonly number[]): Promise<boolean> {
  try {
    for (const handle of handles) await disk.sync(handle);
    failpoint('agent.site.synced');
    return true;
  } catch (error) {
    if (diskTroubleOf(error)) return false;
    throw error;
  }
}

async function makeDirectories(disk: Disk, root: string, layout: Layout): Promise<void> {
  const wanted: readonly (readonly [string, number])[] = [
    [layout.site, ownDirectoryMode],
    [layout.trees, ownDirectoryMode],
    [layout.work, privateDirectoryMode],
    [layout.inbox, privateDirectoryMode],
  ];
  let made = false;
  for (const [directory, mode] of wanted) {
    if (disk.lstat(directory)) continue;
    disk.mkdir(directory, mode);
    const handle = disk.open(directory, directoryFlags | constants.O_NOFOLLOW);
    disk.chmod(handle, mode);
    disk.close(handle);
    made = true;
    failpoint('agent.site.directory-made');
  }
  if (!made) return;
  for (const directory of [root, layout.site, layout.trees]) {
    const handle = disk.open(directory, directoryFlags);
    await disk.sync(handle);
    disk.close(handle);
  }
  failpoint('agent.site.made');
}

/** Names that could not be removed. */
async function emptyWork(disk: Disk, layout: Layout): Promise<string[]> {
  const handles = createDirectoryHandles(disk, layout.work);
  try {
    await runInSlices(emptyDirectory(disk, handles, ''));
    return [];
  } catch {
    return disk.readdir(layout.work).map(({ name }) => name);
  } finally {
    handles.close();
  }
}

function readJournal(disk: Disk, layout: Layout): string | undefined {
  if (!disk.lstat(layout.journal)?.isFile()) return undefined;
  const fd = disk.open(layout.journal, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!disk.fstat(fd).isFile()) return undefined;
    const bytes = Buffer.allocUnsafe(disk.fstat(fd).size);
    return bytes.subarray(0, disk.read(fd, bytes, 0)).toString('utf8');
  } finally {
    disk.close(fd);
  }
}

function hexLengthOf({ lastDecision }: SiteGrant): ObjectIdLength {
  return lastDecision?.toTree.length === 64 ? 64 : 40;
}

/** Whether receiving an assignment of that release may still make sense. */
function isStillWanted(release: Release, { lastDecision, executed }: State): boolean {
  if (!lastDecision) return true;
  const order = compareReleases(release, lastDecision.release);
  return order > 0 || (order === 0 && !executed);
}

function modesOf({ policy }: SiteGrant): Modes {
  return {
    file: Number.parseInt(policy.fileMode, 8),
    executable: Number.parseInt(policy.executableMode, 8),
    directory: Number.parseInt(policy.directoryMode, 8),
    owner: knownOwner(policy),
  };
}
