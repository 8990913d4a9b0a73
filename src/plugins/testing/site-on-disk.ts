// A site as an agent keeps it, for tests: trees below `trees/`, and the symlink `live`. Real files; the tree ids are Git's own.

import { createHash } from 'node:crypto';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type {
  AbandonEvent,
  AttachEvent,
  BeforeSwitchEvent,
  PathChange,
  SwitchEvent,
  SwitchKind,
  TreeOnNode,
} from '../api/hooks.ts';
import { blobId, changesBetween, treeId } from './git-ids.ts';

/** Contents by path. */
export type FilesByPath = Readonly<Record<string, string | Uint8Array>>;

export interface SiteOnDisk {
  readonly site: string;
  readonly directory: string;
  readonly liveLink: string;
  /** What the symlink names now. */
  live(): TreeOnNode;
  /** A new tree beside the others, under the next release's name. Unchanged files keep their time, as on a node. */
  stage(files: FilesByPath): Promise<TreeOnNode>;
  /** From what is live to `to`. */
  switchEvent(to: TreeOnNode, kind?: SwitchKind): SwitchEvent;
  beforeSwitchEvent(to: TreeOnNode): BeforeSwitchEvent;
  attachEvent(): AttachEvent;
  abandonEvent(staged: TreeOnNode): AbandonEvent;
  /** Moves the symlink, by rename. */
  switchTo(tree: TreeOnNode): Promise<void>;
  remove(): Promise<void>;
}

/** A second, long ago: whole, as Treecast's times are. */
const firstTimeS = 1_700_000_000;

export async function createSiteOnDisk(site: string, files: FilesByPath): Promise<SiteOnDisk> {
  const root = await mkdtemp(join(tmpdir(), 'treecast-plugin-'));
  const directory = join(root, site);
  const liveLink = join(directory, 'live');
  await mkdir(join(directory, 'trees'), { recursive: true });
  const contents = new Map<string, ReadonlyMap<string, Uint8Array>>();
  const times = new Map<string, { readonly blob: string; readonly atS: number }>();
  let sequence = 0;
  let live: TreeOnNode;

  async function stage(next: FilesByPath): Promise<TreeOnNode> {
    sequence += 1;
    const release = `1-${String(sequence).padStart(4, '0')}`;
    const tree = join(directory, 'trees', release);
    const bytes = new Map(Object.entries(next).map(([path, text]) => [path, Buffer.from(text)] as const));
    await mkdir(tree, { recursive: true });
    for (const [path, content] of bytes) {
      const file = join(tree, path);
      const blob = blobId(content);
      const known = times.get(path);
      const atS = known?.blob === blob ? known.atS : firstTimeS + sequence;
      times.set(path, { blob, atS });
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      await utimes(file, atS, atS);
    }
    const staged = { tree: treeId(bytes), release, directory: tree };
    contents.set(release, bytes);
    return staged;
  }

  async function switchTo(tree: TreeOnNode): Promise<void> {
    const temporary = `${liveLink}.tmp`;
    await rm(temporary, { force: true });
    await symlink(`trees/${tree.release}`, temporary);
    await rename(temporary, liveLink);
    live = tree;
  }

  function switchEvent(to: TreeOnNode, kind: SwitchKind = 'publish'): SwitchEvent {
    const from = live;
    const known = (tree: TreeOnNode) => contents.get(tree.release) ?? new Map<string, Uint8Array>();
    const changes = (): Promise<readonly PathChange[]> =>
      Promise.resolve(changesBetween(known(from), known(to)));
    return { site, directory, liveLink, kind, from, to, changes };
  }

  live = await stage(files);
  await switchTo(live);

  return {
    site,
    directory,
    liveLink,
    live: () => live,
    stage,
    switchEvent,
    beforeSwitchEvent: (to) => ({
      ...switchEvent(to),
      async writeTwin(path, suffix, bytes) {
        const file = join(to.directory, path);
        const { mtime, mode } = await lstat(file);
        if (contents.get(to.release)?.has(path + suffix))
          throw new Error(`the tree has ${path}${suffix} itself`);
        await writeFile(`${file}${suffix}`, bytes, { mode: mode & 0o777 });
        await utimes(`${file}${suffix}`, mtime, mtime);
      },
    }),
    attachEvent: () => ({ site, directory, liveLink, live }),
    abandonEvent: ({ release }) => ({ site, directory, liveLink, release }),
    switchTo,
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

/** Everything below a directory, for `observe`: paths with contents' hashes, links with their targets. Not there: null. */
export async function directorySnapshot(directory: string): Promise<Record<string, string> | null> {
  const found: Record<string, string> = {};
  let names: string[];
  try {
    names = await readdir(directory, { recursive: true });
  } catch {
    return null;
  }
  for (const name of names.sort()) {
    const path = join(directory, name);
    const facts = await lstat(path).catch(() => undefined);
    if (facts?.isSymbolicLink()) found[name] = `-> ${await readlink(path)}`;
    else if (facts?.isFile())
      found[name] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  return found;
}
