// The nginx this node has, as its own files say: what it was built with, where its process id and its errors go, and which server blocks
// serve a site, or do not. Everything is read; nothing is written.

import { realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { SiteOnNode, UrlMap } from 'treecast/plugin';
import type { Configuration } from './configuration.ts';
import { type StaticModule, staticModules } from './include-file.ts';
import { besideMain, type NginxBuild, type NginxProgram } from './nginx-program.ts';
import { type ConfigurationRead, readConfiguration } from './read-configuration.ts';
import { type Directive, directivesNamed } from './read-directives.ts';
import type { ReloadFacts } from './reload-nginx.ts';
import { urlMapOf } from './url-map-of.ts';
import { lastArgument, liveLinkAmong, type Mount, mountsOf, virtualHostsOf } from './virtual-hosts.ts';

export interface Surroundings {
  build(signal: AbortSignal): Promise<NginxBuild>;
  reloadFacts(signal: AbortSignal): Promise<ReloadFacts>;
  /** Whether the main configuration includes this file; null when that cannot be told. */
  includes(file: string): Promise<boolean | null>;
  /** How the site is served now, and what the operator should know of it. `file` is what Treecast wrote for it. */
  look(site: SiteOnNode, file: string): Promise<SiteSeen>;
}

export interface SiteSeen {
  readonly urlMap: UrlMap | null;
  readonly note: string | null;
  /** Nothing includes the file, and nothing else serves the site: nginx accepts that, and readers find nothing. */
  readonly isLeftOut: boolean;
}

export function createSurroundings(config: Configuration, program: NginxProgram): Surroundings {
  const { mainConfiguration, virtualHosts } = config;
  let known: Promise<NginxBuild> | null = null;

  async function askBuild(signal: AbortSignal): Promise<NginxBuild> {
    const build = await program.build(signal);
    const loaded = modulesLoaded((await readConfiguration({ mainConfiguration })).directives);
    return { ...build, modules: new Set([...build.modules, ...loaded]) };
  }

  async function build(signal: AbortSignal): Promise<NginxBuild> {
    known ??= askBuild(signal);
    try {
      return await known;
    } catch (error) {
      known = null;
      throw error;
    }
  }

  return {
    build,
    reloadFacts: async (signal) => {
      const { directives: main } = await readConfiguration({ mainConfiguration });
      const pidFile = config.pidFile ?? lastArgument(main, 'pid');
      const errorLog = lastArgument(main, 'error_log');
      return {
        pidFile:
          pidFile === undefined
            ? ((await build(signal)).pidFile ?? '')
            : besideMain(mainConfiguration, pidFile),
        errorLog: errorLog !== undefined && isAbsolute(errorLog) ? errorLog : null,
      };
    },
    includes: async (file) => isAmong(file, await readConfiguration({ mainConfiguration })),
    look: async (site, file) => {
      const main = await readConfiguration({ mainConfiguration });
      const served = await mountsIn(main, site);
      const mounts = virtualHosts
        ? await mountsIn(await readConfiguration({ mainConfiguration, globs: virtualHosts }), site)
        : served;
      const hasOwn = Object.hasOwn(config.servers, site.site);
      const isLeftOut = (hasOwn || served.length === 0) && (await isAmong(file, main)) === false;
      const note = isLeftOut ? leftOutNote(config, file, hasOwn) : noteOn(mounts, config);
      return { urlMap: urlMapOf(mounts), note, isLeftOut };
    },
  };
}

async function mountsIn({ directives }: ConfigurationRead, site: SiteOnNode): Promise<Mount[]> {
  const hosts = virtualHostsOf(directives);
  return mountsOf(hosts, await liveLinkAmong(hosts, site));
}

async function isAmong(file: string, { paths, isWhole }: ConfigurationRead): Promise<boolean | null> {
  if (paths.has(file)) return true;
  const real = await realpathOf(file);
  for (const path of paths) if ((await realpathOf(path)) === real) return true;
  return isWhole ? false : null;
}

/** One that is not there is itself. */
async function realpathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

function leftOutNote(
  { mainConfiguration, includeDirectory }: Configuration,
  file: string,
  hasOwn: boolean,
): string {
  const line = hasOwn
    ? `\`include ${join(includeDirectory, '*.conf')};\` to \`http\``
    : `\`include ${file.replace(/f$/, '[f]')};\` to your server block`;
  return `\`${file}\` is included by nothing in ${mainConfiguration}, so nginx does not serve this site: add ${line}, then reload nginx`;
}

function modulesLoaded(main: readonly Directive[]): StaticModule[] {
  const files = directivesNamed(main, 'load_module').flatMap(({ args }) => args);
  return staticModules.filter((name) => files.some((file) => file.includes(`http_${name}_module`)));
}

function noteOn(mounts: readonly Mount[], { cacheReload }: Configuration): string | null {
  if (mounts.length === 0) return 'no server block that was read serves this site yet';
  const stale = mounts.some((mount) => !cacheReload && hasOpenFileCache(mount));
  return stale
    ? 'a server block of yours has open_file_cache and the live link as root: old files may be served after a switch; set cacheReload, or include the file that Treecast writes'
    : null;
}

/** Treecast's own locations resolve the link for each request, so a cache of open files has nothing old there. */
function hasOpenFileCache({ host, location }: Mount): boolean {
  if (directivesNamed(host.block, 'set').some(({ args }) => args[0] === '$treecast_root')) return false;
  const places = [location?.block ?? [], host.block, host.outer];
  const cache = places
    .map((place) => lastArgument(place, 'open_file_cache'))
    .find((value) => value !== undefined);
  return cache !== undefined && cache !== 'off';
}
