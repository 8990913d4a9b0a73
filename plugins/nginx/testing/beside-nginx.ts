// A real nginx and a site, with the plugin or without, for as long as a test runs.

import type { TestContext } from 'node:test';
import {
  createSiteOnDisk,
  type FilesByPath,
  type SiteOnDisk,
  type StartedPlugin,
} from 'treecast/plugin/testing';
import { createRealNginx, type NginxText, type RealNginx } from './real-nginx.ts';
import { startPlugin } from './start-plugin.ts';

export interface Prepared {
  /** Not started yet. */
  readonly real: RealNginx;
  readonly site: SiteOnDisk;
}

export async function prepareNginx(
  context: TestContext,
  text: NginxText = {},
  files: FilesByPath = { 'index.html': 'one' },
): Promise<Prepared> {
  const real = createRealNginx(text);
  context.after(() => real.close());
  const site = await createSiteOnDisk('docs', files);
  context.after(() => site.remove());
  return { real, site };
}

export interface Attached extends Prepared {
  readonly plugin: StartedPlugin;
  /** As an agent does it: the vote, the symlink, the hook. */
  publish(files: FilesByPath): Promise<void>;
}

/** The site is attached before nginx starts. */
export async function attachSite(
  context: TestContext,
  files: FilesByPath,
  config: Record<string, unknown> = {},
  text: NginxText = {},
): Promise<Attached> {
  const { real, site } = await prepareNginx(context, text, files);
  const plugin = await startPlugin(real, config);
  await plugin.call('attach', site.attachEvent());
  return {
    real,
    site,
    plugin,
    async publish(next) {
      const to = await site.stage(next);
      const event = site.switchEvent(to);
      await plugin.call('beforeSwitch', site.beforeSwitchEvent(to));
      await site.switchTo(to);
      await plugin.call('afterSwitch', event);
    },
  };
}

/** The same, and nginx runs. */
export async function serveSite(...args: Parameters<typeof attachSite>): Promise<Attached> {
  const attached = await attachSite(...args);
  await attached.real.start();
  return attached;
}
