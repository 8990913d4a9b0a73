// The events of `invalidate`, `warm`, `reindex` and `notify`, from a task's payload and the staging repository.

import type { GitSource } from '../../git-source/git-source.ts';
import { releaseName } from '../../model/release.ts';
import type { TreeChange } from '../../model/tree.ts';
import type { BalancedNode, ContentEvent, NotifyEvent, PathChange } from '../../plugins/api/hooks.ts';
import type { UrlMap } from '../../plugins/urls/url-map.ts';
import type { TreeDiffs } from '../planning/tree-diffs.ts';
import type { Task } from './plugin-tasks.ts';
import { contentPayload, notifyPayload } from './tasks-of-event.ts';

export interface ContentSources {
  readonly source: GitSource;
  readonly diffs: TreeDiffs;
  readonly origins: readonly BalancedNode[];
  readonly urlMap: UrlMap | null;
  /** The tree that is live now: a later release may have replaced the task's. */
  readonly liveTree: string | null;
  /** Releases that a tree was published as, newest first. */
  readonly releasesOf: (tree: string) => readonly string[];
}

const fileBytesMax = 64 * 1_048_576;
const regularFile = /^100/;

export function contentEventOf(task: Task, from: ContentSources): ContentEvent {
  const { kind, release, commit, fromTree, toTree, decidedAt } = contentPayload.parse(task.payload);
  const { source, diffs, origins, urlMap } = from;
  const now = from.liveTree ?? toTree;
  return {
    site: task.site,
    job: task.job ?? '',
    release: releaseName(release),
    releases: [...new Set([releaseName(release), ...from.releasesOf(toTree)])],
    commit,
    kind,
    fromTree,
    toTree,
    decidedAt,
    pass: task.pass,
    origins,
    urlMap,
    async changes() {
      return (await diffs.diff(source, fromTree, toTree)).map(pathChange);
    },
    async paths() {
      const paths: string[] = [];
      for await (const { path, mode } of source.listTree(now)) if (regularFile.test(mode)) paths.push(path);
      return paths;
    },
    async read(path) {
      const entry = (await source.findEntries(now, [path])).get(path);
      if (entry === undefined || !regularFile.test(entry.mode)) return null;
      const [bytes = 0] = await source.blobSizes([entry.id]);
      return bytes > fileBytesMax ? null : source.readBlob(entry.id);
    },
  };
}

function pathChange({ path, before, after }: TreeChange): PathChange {
  return {
    path,
    kind: before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed',
    before: before?.id ?? null,
    after: after?.id ?? null,
  };
}

export function notifyEventOf({ site, job, payload }: Task): NotifyEvent {
  const { live, total, failed, release, ...said } = notifyPayload.parse(payload);
  return {
    ...said,
    site,
    job: job ?? '',
    release: release === null ? null : releaseName(release),
    nodes: { total, live, failed },
  };
}
