// The plugins of the CCM, put together: owed tasks, the balancers' gate, URL maps, and what the API shows of them.

import type { BalanceAction, BalanceResource, PluginResource, PluginTaskResource } from '../../model/api.ts';
import { releaseName } from '../../model/release.ts';
import { TreecastError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { HookName } from '../../plugins/api/hook-table.ts';
import type { BalancedNode } from '../../plugins/api/hooks.ts';
import type { HookRun, PluginSet } from '../../plugins/host/plugin-set.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { Repositories } from '../planning/repositories.ts';
import type { TreeDiffs } from '../planning/tree-diffs.ts';
import type { Registry } from '../registry/registry.ts';
import { type BalancerGate, createBalancerGate, type WantedState } from './balancer-gate.ts';
import { contentEventOf, notifyEventOf } from './content-event.ts';
import { createHookTimings, type HookTimings } from './hook-timings.ts';
import { createNodesHeldOut } from './nodes-held-out.ts';
import { createPluginTasks, type Task, type TaskFilter } from './plugin-tasks.ts';
import { createTaskRunner } from './task-runner.ts';
import { createUrlMaps, type UrlMaps } from './url-maps.ts';

export interface PluginService {
  readonly gate: BalancerGate;
  readonly urlMaps: UrlMaps;
  readonly hookTimings: HookTimings;
  list(): PluginResource[];
  tasks(filter: TaskFilter): PluginTaskResource[];
  /** Calls for a site that failed and are tried again. */
  troubledOf(site: string): number;
  /** Owed tasks are tried now. Throws NOT_FOUND. */
  retry(plugin: string): PluginResource;
  balance(site: string): Promise<BalanceResource>;
  /** Throws NOT_FOUND, INVALID_INPUT; what balancers refused is in the answer. */
  act(request: BalanceRequest): Promise<BalanceResource>;
  close(): Promise<void>;
}

export interface BalanceRequest {
  readonly site: string;
  readonly action: BalanceAction;
  readonly nodes: readonly string[];
  readonly share: number;
  readonly requestedBy: string;
}

export interface PluginServiceOptions {
  readonly plugins: PluginSet;
  readonly database: CcmDatabase;
  readonly registry: Registry;
  readonly repositories: Repositories;
  readonly diffs: TreeDiffs;
  readonly serving: (site: string) => readonly WantedState[];
  readonly liveTree: (site: string) => string | null;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
  readonly onProblem: (site: string, node: string, error: WireError) => void;
}

const releasesMax = 100;

export function createPluginService(options: PluginServiceOptions): PluginService {
  const { plugins, database, registry, repositories, serving, clock } = options;
  const tasks = createPluginTasks(database, clock.now);
  const isSite = (name: string): boolean => registry.sites.find(name) !== undefined;
  const urlMaps = createUrlMaps(isSite);
  const hookTimings = createHookTimings(isSite);

  function facts(name: string): BalancedNode {
    const node = registry.nodes.find(name);
    return { name, url: node?.url ?? null, labels: node?.labels ?? {} };
  }

  async function call(task: Task): Promise<HookRun | undefined> {
    const hook = task.hook as HookName;
    const [run] = await plugins.run(hook, eventOf(task), {
      site: task.site,
      instance: task.plugin,
    });
    return run;
  }

  function releasesOf(site: string, tree: string): string[] {
    const rows = database.all(
      database.queries
        .selectFrom('decisions')
        .select(['epoch', 'sequence'])
        .where('site', '=', site)
        .where('to_tree', '=', tree)
        .orderBy('epoch', 'desc')
        .orderBy('sequence', 'desc')
        .limit(releasesMax),
    );
    return rows.map(releaseName);
  }

  function eventOf(task: Task) {
    if (task.hook === 'notify') return notifyEventOf(task);
    const site = registry.sites.get(task.site);
    const members = serving(site.name).map(({ node }) => node);
    return contentEventOf(task, {
      source: repositories.source(site.repository),
      diffs: options.diffs,
      origins: members.map(facts),
      urlMap: urlMaps.of(site.name, members),
      liveTree: options.liveTree(site.name),
      releasesOf: (tree) => releasesOf(site.name, tree),
    });
  }

  const runner = createTaskRunner({
    database,
    events: registry.events,
    settings: registry.settings,
    tasks,
    plugins,
    clock,
    call,
    onBug: options.onBug,
  });
  const gate = createBalancerGate({
    plugins,
    sites: () => registry.sites.list().map(({ name }) => name),
    serving,
    facts,
    heldOut: createNodesHeldOut(registry.settings),
    clock,
    onProblem: options.onProblem,
    onBug: options.onBug,
  });

  function resourceOf({
    name,
    plugin,
    summary,
    hooks,
    sites,
  }: PluginSet['instances'][number]): PluginResource {
    const { oldestOwedAt, ...owed } = tasks.summary(name);
    return {
      name,
      plugin,
      summary,
      hooks,
      sites,
      ...owed,
      oldestOwedAt: oldestOwedAt === null ? null : new Date(oldestOwedAt).toISOString(),
    };
  }

  async function balance(site: string): Promise<BalanceResource> {
    registry.sites.get(site);
    return gate.show(site);
  }

  return {
    gate,
    urlMaps,
    hookTimings,
    list: () => plugins.instances.map(resourceOf),
    tasks: tasks.list,
    troubledOf: tasks.troubledOf,
    retry(name) {
      const instance = plugins.instances.find((each) => each.name === name);
      if (instance === undefined)
        throw new TreecastError('NOT_FOUND', `There is no plugin ${name} on the CCM.`, {
          fix: 'See `treecast plugin list`; plugins of agents are in their agent.yaml.',
        });
      tasks.hasten(name);
      runner.wake();
      return resourceOf(instance);
    },
    balance,
    async act({ site, action, nodes, share, requestedBy }) {
      registry.sites.get(site);
      const members = new Set(serving(site).map(({ node }) => node));
      const strangers = nodes.filter((node) => !members.has(node));
      if (strangers.length > 0)
        throw new TreecastError(
          'INVALID_INPUT',
          `${strangers.join(', ')}: not a member of the group of ${site}.`,
          {
            fix: `See \`treecast status ${site}\`.`,
          },
        );
      registry.events.append({ actor: requestedBy, kind: `balance.${action}`, site, data: { nodes, share } });
      const results = await gate.act(site, action, nodes, share);
      const shown = await balance(site);
      return { ...shown, errors: [...results.flatMap(({ error }) => error ?? []), ...shown.errors] };
    },
    async close() {
      // What is interrupted now is owed as it was.
      const ended = Promise.all([runner.close(), gate.close()]);
      await plugins.close();
      await ended;
    },
  };
}
