// Contents of drifted files that the CCM sent: decoded beside the trees, checked, and put into place as any other repair (STG-37).

import { createDataReader } from '../../assignment/data-reader.ts';
import { type ContentKey, openDataKey } from '../../assignment/seal.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { runInSlices } from '../../slices/slices.ts';
import { createDirectoryHandles } from './directory-handles.ts';
import { createSyncSet } from './durability.ts';
import type { ReceivedAssignment } from './inbox.ts';
import { createInterpreter } from './interpreter.ts';
import { type MendOptions, mendPaths } from './mend-paths.ts';
import { givable } from './owner.ts';
import { createPluginCommands } from './plugin-commands.ts';
import { removeTree } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import type { Drift } from './site-store.ts';
import { createTouchedDirectory, isTouchedDirectory, type TouchedDirectory } from './touched-paths.ts';

export async function restorePaths(
  context: SiteContext,
  { header, commands, source }: ReceivedAssignment,
  drift: readonly Drift[],
  options: MendOptions & { readonly contentKeys: readonly ContentKey[]; readonly signal: AbortSignal },
): Promise<void> {
  if (header.part.of !== 1) {
    throw new TreecastError('ASSIGNMENT_MALFORMED', 'contents for a repair came in several parts');
  }
  const { disk } = context;
  const beside = context.temporary();
  disk.mkdir(beside, 0o700);
  const next = createDirectoryHandles(disk, beside);
  const syncs = createSyncSet(disk);
  try {
    const touched = createTouchedDirectory();
    const interpreter = createInterpreter({
      disk,
      next,
      live: null,
      modes: givable(context.modes()),
      syncs,
      temporary: context.temporary,
      touched,
      twins: undefined,
      like: header.targetTree,
      baseBlob: () => undefined,
      pluginCommands: createPluginCommands(),
      signal: options.signal,
    });
    const data = createDataReader(header, source(), openDataKey(header, options.contentKeys));
    await interpreter.run(commands(), data, () => undefined);
    await syncs.settle(next, beside);
    const fetched = new Map<string, { readonly id: ObjectId; readonly file: string }>();
    for (const [path, id] of filesOf(touched, '')) fetched.set(path, { id, file: `${beside}/${path}` });
    await mendPaths(context, drift, { ...options, fetched });
  } finally {
    syncs.drop();
    next.close();
    await runInSlices(removeTree(disk, beside));
  }
}

function* filesOf({ entries }: TouchedDirectory, prefix: string): Generator<[string, ObjectId]> {
  for (const [name, entry] of entries) {
    if (entry === null) continue;
    if (isTouchedDirectory(entry)) yield* filesOf(entry, `${prefix}${name}/`);
    else yield [prefix + name, entry.id];
  }
}
