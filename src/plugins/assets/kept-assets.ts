// Grace for hashed assets: what a release lacks of the one before it stays reachable for the last `releases` releases, so that a page
// loaded earlier finds its scripts. The files are hard links beside the site's trees, which web servers can read and containers that
// mount the site's directory see; how a server looks there after the live tree is the plugin's business.

import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { type SiteOnNode, type SwitchEvent, twinSuffixes } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { pathGlob } from '../urls/path-glob.ts';
import { createKeptFiles, isInside, isRegularFile, listFiles } from './kept-files.ts';
import {
  advance,
  type KeptJournal,
  readKeptJournal,
  removeKeptJournal,
  writeKeptJournal,
} from './kept-journal.ts';

/** Names that end with a hash in hexadecimal digits, wherever they lie. Nothing open stands behind it: a pattern that is quick to say no. */
const hashes = [8, 12, 16, 20, 32, 64].map((digits) => '[0-9a-f]'.repeat(digits)).join(',');
const hashedName = `**/*[.-]{${hashes}}.{js,mjs,css,map,wasm,woff2,woff,svg,png,jpg,jpeg,webp,avif}`;

/** A glob over paths of the tree that is also safe to write into a web server's configuration. */
const assetGlob = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\w@%+~.,()[\]{}*?!/-]+$/, 'may have letters, digits and the signs of globs only')
  .refine((glob) => !glob.startsWith('/') && !glob.includes('..'), 'must lie inside the tree');

export const keptAssetsSchema = z.strictObject({
  paths: z
    .array(assetGlob)
    .min(1)
    .max(50)
    .default([
      'assets/**',
      'static/**',
      'build/**',
      '_next/static/**',
      '_astro/**',
      '_nuxt/**',
      '_app/immutable/**',
      hashedName,
    ])
    .describe('Globs of the paths that are kept; a missing one of these is a plain 404, never a page.'),
  releases: z
    .int()
    .min(1)
    .max(50)
    .default(3)
    .describe('A page finds its assets while at most this many later releases were published.'),
});

export interface KeptAssetsOptions extends z.output<typeof keptAssetsSchema> {
  /** The plugin's: the journals lie here, and its name is that of the directory of kept files. */
  readonly stateDirectory: string;
  readonly log: PluginLog;
}

export interface KeptAssets {
  /** Where the kept files of a site lie: `<site's directory>/kept/<instance>`, with the paths they had in the tree. It may be missing. */
  directoryOf(site: Pick<SiteOnNode, 'directory'>): string;
  /** Called in `beforeSwitch`; repeating it does no harm, also after a crash in the middle. */
  keep(event: SwitchEvent): Promise<{ readonly kept: number; readonly dropped: number }>;
  /** Called in `detach`: removes the kept files and the journal. */
  forget(site: Pick<SiteOnNode, 'site' | 'directory'>): Promise<void>;
}

const pathsMax = 100_000;
const walkedMax = 1_000_000;

export function createKeptAssets({ stateDirectory, log, paths, releases }: KeptAssetsOptions): KeptAssets {
  const instance = basename(stateDirectory);
  const matches = pathGlob(paths);
  const journalOf = (site: string): string => join(stateDirectory, `kept-${site}.json`);
  const directoryOf = ({ directory }: Pick<SiteOnNode, 'directory'>): string =>
    join(directory, 'kept', instance);
  const filesOf = ({ directory }: Pick<SiteOnNode, 'directory'>) =>
    createKeptFiles(directory, 'kept', instance);

  async function lackingOf(event: SwitchEvent, from: string): Promise<Set<string>> {
    const changes = await event.changes();
    const candidates = changes
      ? changes.flatMap(({ path, kind }) => (kind === 'deleted' ? [path] : []))
      : await listFiles(from, walkedMax);
    const there = changes ? null : new Set(candidates);
    const lacking = new Set<string>();
    for (const path of candidates) {
      if (!isInside(path) || !matches(path) || isTwin(path, there)) continue;
      if (!changes && (await isRegularFile(event.to.directory, path))) continue;
      lacking.add(path);
      if (lacking.size === pathsMax) {
        log.warn({ site: event.site, pathsMax }, 'more assets left than are kept: the others are not');
        break;
      }
    }
    return lacking;
  }

  /** A journal that is missing or cannot be read: what is kept counts from now. */
  async function adopted(event: SwitchEvent, from: string): Promise<KeptJournal> {
    const kept = await listFiles(directoryOf(event), pathsMax);
    const there = new Set(kept);
    return {
      releases: [],
      left: new Map(kept.filter((path) => !isTwin(path, there)).map((path) => [path, from])),
    };
  }

  return {
    directoryOf,
    keep: async (event) => {
      const { from, to } = event;
      if (!from || from.release === to.release) return { kept: 0, dropped: 0 };
      const path = journalOf(event.site);
      const before = (await readKeptJournal(path)) ?? (await adopted(event, from.release));
      const lacking = await lackingOf(event, from.directory);
      const { journal, dropped } = advance(before, {
        from: from.release,
        to: to.release,
        lacking,
        releasesMax: releases,
        pathsMax,
      });
      // Named before it is there, and gone before its name is: no file is ever kept that the journal does not know.
      const left = new Map([...dropped.map((one) => [one, 'dropped'] as const), ...journal.left]);
      await written(path, { releases: journal.releases, left });
      const files = filesOf(event);
      let kept = 0;
      for (const one of lacking) {
        if (!(await files.keep(from.directory, one))) continue;
        kept += 1;
        for (const suffix of twinSuffixes) {
          if (!(await files.keep(from.directory, one + suffix))) await files.drop(one + suffix);
        }
      }
      for (const one of dropped) {
        for (const suffix of ['', ...twinSuffixes]) {
          if (!journal.left.has(one + suffix)) await files.drop(one + suffix);
        }
      }
      await files.sync();
      if (dropped.length > 0) await written(path, journal);
      return { kept, dropped: dropped.length };
    },
    forget: async (site) => {
      await filesOf(site).clear();
      await removeKeptJournal(journalOf(site.site));
    },
  };
}

/** A precompressed twin of a file that is there goes with that file. */
function isTwin(path: string, there: ReadonlySet<string> | null): boolean {
  return (
    there !== null &&
    twinSuffixes.some((suffix) => path.endsWith(suffix) && there.has(path.slice(0, -suffix.length)))
  );
}

async function written(path: string, journal: KeptJournal): Promise<void> {
  try {
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    await writeKeptJournal(path, journal);
  } catch (cause) {
    throw new PluginError(`cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      fix: 'Make room and see that the state directory can be written.',
    });
  }
}
