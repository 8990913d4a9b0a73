// Where things of one site lie on disk (ARCHITECTURE §6), and the permission bits of what the store itself makes.

import path from 'node:path';

export interface Layout {
  /** `<root>/<site>`. */
  readonly site: string;
  /** The symlink that servers know. */
  readonly live: string;
  readonly trees: string;
  /** Temporaries of files that replace others; on the trees' file system, outside every tree. Emptied at start. */
  readonly work: string;
  readonly journal: string;
  readonly index: string;
  /** Records of twins; made with the first of them. */
  readonly twins: string;
  readonly inbox: string;
  tree(directory: string): string;
}

/** Open directories of one site: the site's own, `trees/`, `trees/.work/` and `inbox/`. */
export interface LayoutHandles {
  readonly site: number;
  readonly trees: number;
  readonly work: number;
  readonly inbox: number;
}

/** Names in `trees/` that are no slots. */
export const workName = '.work';
export const trashPrefix = '.trash-';

/** Whether `trees/<name>` is a name the store gives to a slot. */
export const slotNamePattern = /^(?:\d+-\d{4,}(?:\.\d+)?|spare-\d+)$/;

export function createLayout(root: string, site: string): Layout {
  const directory = path.join(root, site);
  const trees = path.join(directory, 'trees');
  return {
    site: directory,
    live: path.join(directory, 'live'),
    trees,
    work: path.join(trees, workName),
    journal: path.join(directory, 'state.json'),
    index: path.join(directory, 'index.db'),
    twins: path.join(directory, 'twins.db'),
    inbox: path.join(directory, 'inbox'),
    tree: (slot) => path.join(trees, slot),
  };
}

/**
 * The same places through open directories: what the store does stays in them, also when somebody puts a symlink in the place of one
 * (STG-32). The databases and the site keep the paths they have; so do people, web servers and other programs.
 */
export function heldLayout(layout: Layout, { site, trees, work, inbox }: LayoutHandles): Layout {
  const through = (handle: number): string => `/proc/self/fd/${handle}`;
  return {
    ...layout,
    live: `${through(site)}/live`,
    journal: `${through(site)}/state.json`,
    // With a name behind it a descriptor's link is no last component, which O_NOFOLLOW would refuse.
    trees: `${through(trees)}/.`,
    work: `${through(work)}/.`,
    inbox: `${through(inbox)}/.`,
    // What is left in `.work/` is thrown away like a tree.
    tree: (name) =>
      name.startsWith(`${workName}/`)
        ? through(work) + name.slice(workName.length)
        : `${through(trees)}/${name}`,
  };
}

/** What the symlink `live` holds for a slot, and back; undefined for a target the store would never write. */
export function liveTarget(directory: string): string {
  return `trees/${directory}`;
}

export function directoryOfLiveTarget(target: string): string | undefined {
  const name = target.startsWith('trees/') ? target.slice('trees/'.length) : '';
  return slotNamePattern.test(name) ? name : undefined;
}
