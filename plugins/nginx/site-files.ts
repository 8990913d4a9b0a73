// The files of each site and what the hooks do with them: the include itself, and what the repository brings.

import { join } from 'node:path';
import {
  type FileContents,
  PluginError,
  readTreeFile,
  type SiteOnNode,
  type SwitchEvent,
  type TreeOnNode,
} from 'treecast/plugin';
import type { ChangeQueue } from './change-queue.ts';
import type { Configuration } from './configuration.ts';
import { emptyIncludeFile, everyLocation, includeFile, type StaticModule } from './include-file.ts';
import type { Reloaded } from './reload-nginx.ts';
import { inRepositoryTerms, siteConfiguration, siteConfigurationBytesMax } from './site-configuration.ts';

type Changed = Reloaded | 'unchanged';

export interface SiteFiles {
  /** What nginx's configuration has to include. */
  includeOf(site: string): string;
  /** `always`: reload also when nothing differs. */
  attach(
    event: SiteOnNode & { readonly live: TreeOnNode | null },
    modules: ReadonlySet<StaticModule>,
    signal: AbortSignal,
    always: boolean,
  ): Promise<Changed>;
  detach(site: SiteOnNode, signal: AbortSignal): Promise<Changed>;
  /** Throws when the staged tree brings configuration that is not allowed, or that nginx refuses. */
  judge(event: SwitchEvent, signal: AbortSignal, dryRun: boolean): Promise<void>;
  /** After the switch. Null when there is nothing that follows it. */
  follow(event: SwitchEvent, signal: AbortSignal): Promise<Changed | null>;
}

export function createSiteFiles(
  config: Configuration,
  queue: ChangeQueue,
  keptDirectoryOf: (site: SiteOnNode) => string,
): SiteFiles {
  const includeOf = (site: string): string => join(config.includeDirectory, `${site}.conf`);
  // Not `.conf`: a glob over the directory must not find it.
  const siteFileOf = (site: string): string => join(config.includeDirectory, `${site}.site`);
  const rules = config.siteConfiguration;
  let modulesFound: ReadonlySet<StaticModule> = new Set();

  async function broughtBy(tree: TreeOnNode | null): Promise<string> {
    if (!rules) return '';
    const bytes = tree ? await readTreeFile(tree.directory, rules.path, siteConfigurationBytesMax + 1) : null;
    return siteConfiguration(bytes, {
      ...rules,
      everyLocation: everyLocation(config, modulesFound),
      releaseHeader: config.releaseHeader,
    });
  }

  async function told<T>(site: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const file = siteFileOf(site);
      if (!rules || !(error instanceof PluginError) || !error.message.includes(`${file}:`)) throw error;
      throw new PluginError(inRepositoryTerms(error.message, file, rules.path), {
        cause: error,
        fix: `Correct ${rules.path} in the repository and push again.`,
        retryable: false,
      });
    }
  }

  return {
    includeOf,
    attach: async (event, modules, signal, always) => {
      modulesFound = modules;
      const { site, liveLink } = event;
      const siteFile = rules ? siteFileOf(site) : null;
      const text = includeFile(config, {
        site,
        liveLink,
        siteFile,
        modules,
        keptDirectory: keptDirectoryOf(event),
      });
      const files = new Map<string, string | null>();
      // First: what the include names is there before it.
      files.set(siteFileOf(site), siteFile === null ? null : await broughtBy(event.live));
      files.set(includeOf(site), text);
      return told(site, queue.apply(files, signal, always));
    },
    detach: async ({ site }, signal) => {
      const gone: FileContents = new Map([
        [includeOf(site), null],
        [siteFileOf(site), null],
      ]);
      try {
        return await queue.apply(gone, signal);
      } catch {
        // A configuration names the file itself: it gets one that says nothing is here.
        return queue.apply(new Map(gone).set(includeOf(site), emptyIncludeFile(config, site)), signal);
      }
    },
    judge: async ({ site, to }, signal, dryRun) => {
      if (!rules) return;
      const text = await broughtBy(to);
      // A dry run leaves nginx's directory alone, so nginx is not asked.
      if (!dryRun) await told(site, queue.tryOut(new Map([[siteFileOf(site), text]]), signal));
    },
    follow: async ({ site, to }, signal) => {
      if (!rules && !config.cacheReload) return null;
      const files: FileContents = new Map(rules ? [[siteFileOf(site), await broughtBy(to)]] : []);
      return told(site, queue.apply(files, signal, config.cacheReload));
    },
  };
}
