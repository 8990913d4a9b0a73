// The plugin beside a real Apache, for tests that call its hooks one by one; and a site that Apache's user can read.

import { chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { TreeOnNode } from 'treecast/plugin';
import {
  createSiteOnDisk,
  type FilesByPath,
  type SiteOnDisk,
  type StartedPlugin,
  startPlugin as start,
} from 'treecast/plugin/testing';
import { apache } from '../apache.ts';
import { type ApacheText, apacheProgram, createRealApache, type RealApache } from './real-apache.ts';

/** `instance` names its state directory: the same name is the same instance, started again. Apache may be down: `validate` is not called. */
export function startPlugin(
  real: RealApache,
  config: Record<string, unknown> = {},
  instance = 'apache',
): Promise<StartedPlugin> {
  return start(apache, {
    config: {
      program: apacheProgram,
      arguments: ['-f', real.mainConfiguration],
      includeDirectory: real.includeDirectory,
      ...config,
    },
    stateDirectory: join(real.root, 'state'),
    instance,
    validateAtStart: false,
  });
}

export async function createReadableSite(
  t: TestContext,
  files: FilesByPath,
  name = 'docs',
): Promise<SiteOnDisk> {
  const site = await createSiteOnDisk(name, files);
  chmodSync(dirname(site.directory), 0o755);
  t.after(() => site.remove());
  return site;
}

export interface Serving {
  readonly real: RealApache;
  readonly site: SiteOnDisk;
  readonly plugin: StartedPlugin;
  /** As an agent does it: the vote, the symlink, the hook. */
  publish(files: FilesByPath): Promise<TreeOnNode>;
}

export const docsServer = (port: number) => ({
  docs: { listen: [`127.0.0.1:${port}`], serverName: `http://docs.test:${port}` },
});

/** A running Apache that serves a site by a virtual host of the plugin's. */
export async function serve(
  t: TestContext,
  files: FilesByPath,
  config: Record<string, unknown> = {},
  text: ApacheText = {},
): Promise<Serving> {
  const real = await createRealApache(text);
  t.after(() => real.close());
  await real.start();
  const site = await createReadableSite(t, files);
  const plugin = await startPlugin(real, { servers: docsServer(real.port), ...config });
  await plugin.call('attach', site.attachEvent());
  return {
    real,
    site,
    plugin,
    async publish(next) {
      const tree = await site.stage(next);
      const event = site.beforeSwitchEvent(tree);
      await plugin.call('beforeSwitch', event);
      await site.switchTo(tree);
      await plugin.call('switch', event);
      return tree;
    },
  };
}
