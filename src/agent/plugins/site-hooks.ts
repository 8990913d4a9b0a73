// The hooks of one site on this node: builds their events from the store, runs them in the order of a publish, and sums up what came of it.
// What a failure means for the release is the session's business.

import { join } from 'node:path';
import type { HookTiming } from '../../model/receipt.ts';
import { parseReleaseName, releaseName } from '../../model/release.ts';
import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';
import type { HookName } from '../../plugins/api/hook-table.ts';
import type {
  BeforeSwitchEvent,
  SiteOnNode,
  SwitchEvent,
  SwitchKind,
  TreeOnNode,
} from '../../plugins/api/hooks.ts';
import { failureOf, type HookRun, type PluginSet } from '../../plugins/host/plugin-set.ts';
import type { UrlMap } from '../../plugins/urls/url-map.ts';
import type { SiteStore } from '../store/site-store.ts';

/** What of the store hooks work with. */
export type HookStore = Pick<
  SiteStore,
  'resolveLive' | 'resolveStaged' | 'diffTrees' | 'writeTwin' | 'sealTwins' | 'commandsOf'
>;

export interface HookOutcome {
  readonly timings: readonly HookTiming[];
  readonly error: WireError | null;
  /** A probe asks for the former tree. */
  readonly switchBack: boolean;
}

export interface SiteHooks {
  /** Whether anything follows a switch here; when not, a switch needs no note. */
  readonly hasFollowers: boolean;
  /** Until it has succeeded once; `vote` and `follow` begin with it too. */
  attach(store: HookStore): Promise<HookOutcome>;
  /** `prepare` and `beforeSwitch` for what is staged, then its twins are made durable. */
  vote(store: HookStore, signal: AbortSignal): Promise<HookOutcome>;
  /** What is owed of `attach`, then `switch`, `apply`, `afterSwitch`, `probe`, up to the first failure. */
  follow(
    store: HookStore,
    kind: SwitchKind,
    from: TreeOnNode | null,
    signal: AbortSignal,
  ): Promise<HookOutcome>;
  abandon(release: string): Promise<void>;
  detach(): Promise<void>;
  /** As the web servers' plugins found it; null when none did. */
  urlMap(): UrlMap | null;
}

export interface SiteHooksOptions {
  readonly site: string;
  /** The directory of all sites. */
  readonly root: string;
  readonly plugins: PluginSet;
}

const nothing: HookOutcome = { timings: [], error: null, switchBack: false };
const noteCharactersMax = 500;
const timingsMax = 200;

export function createSiteHooks({ site, root, plugins }: SiteHooksOptions): SiteHooks {
  const place: SiteOnNode = { site, directory: join(root, site), liveLink: join(root, site, 'live') };
  const has = (...hooks: HookName[]): boolean => hooks.some((hook) => plugins.has(hook, site));
  let attached = !has('attach');
  let urlMap: UrlMap | null = null;

  async function attach(store: HookStore): Promise<readonly HookRun[]> {
    if (attached) return [];
    const runs = await plugins.run('attach', { ...place, live: treeOnNode(store.resolveLive()) }, { site });
    attached = failureOf(runs) === null;
    urlMap = runs.map(({ answer }) => answer?.urlMap).find((found) => found !== undefined) ?? null;
    return runs;
  }

  function switchEvent(
    store: HookStore,
    kind: SwitchKind,
    from: TreeOnNode | null,
    to: TreeOnNode,
  ): SwitchEvent {
    return {
      ...place,
      kind,
      from,
      to,
      changes: () => Promise.resolve(store.diffTrees(from?.tree ?? null, to.tree)),
    };
  }

  /** The release's commands, each by the plugin it names. */
  async function runCommands(
    hook: 'prepare' | 'apply',
    store: HookStore,
    to: TreeOnNode,
    signal: AbortSignal,
  ): Promise<readonly HookRun[]> {
    const release = parseReleaseName(to.release);
    const runs: HookRun[] = [];
    for (const { name, parameters } of release === undefined ? [] : store.commandsOf(release)) {
      // `program:install` in an assignment is `program.install` to people and plugins.
      const [prefix] = name.split(':');
      const command = name.replace(':', '.');
      // Of several instances of one plugin the first; it may have only one of the two hooks.
      const owner = plugins.instances.find(
        ({ plugin, hooks, sites }) =>
          plugin === prefix &&
          (hooks.includes('prepare') || hooks.includes('apply')) &&
          (sites === null || sites.includes(site)),
      );
      if (owner === undefined) {
        // After the switch there is nobody to blame any more: the vote would have refused it.
        if (hook === 'apply') continue;
        throw new TreecastError(
          'PLUGIN_FAILED',
          `no plugin on this node carries out the command ${command}`,
          {
            fix: `Configure the plugin ${prefix} on the node (agent.yaml), or take the command out of the site’s policy.`,
          },
        );
      }
      if (!owner.hooks.includes(hook)) continue;
      const event = { ...place, command, parameters, to };
      runs.push(...(await plugins.run(hook, event, { site, instance: owner.name, signal })));
      if (failureOf(runs) !== null) break;
    }
    return runs;
  }

  return {
    hasFollowers: has('switch', 'apply', 'afterSwitch', 'probe'),
    urlMap: () => urlMap,
    async attach(store) {
      return outcomeOf(await attach(store));
    },

    async vote(store, signal) {
      const to = treeOnNode(store.resolveStaged());
      if (to === null) return nothing;
      const runs: HookRun[] = [];
      try {
        runs.push(...(await attach(store)));
        if (failureOf(runs) === null) runs.push(...(await runCommands('prepare', store, to, signal)));
        if (failureOf(runs) === null && has('beforeSwitch')) {
          const release = parseReleaseName(to.release);
          if (release === undefined) throw new Error(`${to.release} is no release`);
          const event = {
            ...switchEvent(store, 'publish', treeOnNode(store.resolveLive()), to),
            writeTwin: (...[path, suffix, bytes]: Parameters<BeforeSwitchWriteTwin>) =>
              store.writeTwin(release, path, suffix, bytes),
          };
          runs.push(...(await plugins.run('beforeSwitch', event, { site, signal })));
          if (failureOf(runs) === null) await store.sealTwins(release);
        }
      } catch (error) {
        return { ...outcomeOf(runs), error: toWireError(error) };
      }
      return outcomeOf(runs);
    },

    async follow(store, kind, from, signal) {
      const to = treeOnNode(store.resolveLive());
      if (to === null) return nothing;
      const runs: HookRun[] = [];
      const event = switchEvent(store, kind, from, to);
      const steps: readonly (() => Promise<readonly HookRun[]>)[] = [
        () => attach(store),
        () => plugins.run('switch', event, { site, signal }),
        () => runCommands('apply', store, to, signal),
        () => plugins.run('afterSwitch', event, { site, signal }),
        () => plugins.run('probe', event, { site, signal }),
      ];
      try {
        for (const step of steps) {
          runs.push(...(await step()));
          if (failureOf(runs) !== null) break;
        }
      } catch (error) {
        return { ...outcomeOf(runs), error: toWireError(error) };
      }
      return outcomeOf(runs);
    },

    async abandon(release) {
      if (has('abandon')) await plugins.run('abandon', { ...place, release }, { site });
    },
    async detach() {
      attached = !has('attach');
      if (has('detach')) await plugins.run('detach', place, { site });
    },
  };
}

type BeforeSwitchWriteTwin = BeforeSwitchEvent['writeTwin'];

export function treeOnNode(resolved: ReturnType<SiteStore['resolveLive']>): TreeOnNode | null {
  if (resolved === null) return null;
  const { tree, release, directory } = resolved;
  return { tree, release: releaseName(release), directory };
}

function outcomeOf(runs: readonly HookRun[]): HookOutcome {
  return {
    // The last ones: a receipt holds so many.
    timings: runs.slice(-timingsMax).map(({ plugin, hook, ms, error, answer }) => ({
      plugin,
      hook,
      ms,
      ok: error === null,
      ...(answer?.note === undefined ? {} : { note: answer.note.slice(0, noteCharactersMax) }),
    })),
    error: failureOf(runs),
    switchBack: runs.some((run) => run.switchBack),
  };
}
