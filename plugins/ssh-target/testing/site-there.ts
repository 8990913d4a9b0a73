// The plugin beside a real SSH server and a site on disk, for tests: publishes as an agent does, by both hooks.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { TreeOnNode } from 'treecast/plugin';
import {
  createSiteOnDisk,
  type FilesByPath,
  type SiteOnDisk,
  type StartedPlugin,
  startPlugin,
} from 'treecast/plugin/testing';
import { sshTarget } from '../ssh-target.ts';
import { type SshServer, startSshServer } from './ssh-server.ts';

export interface SiteThere {
  readonly server: SshServer;
  readonly site: SiteOnDisk;
  readonly plugin: StartedPlugin;
  /** A path of the site there. */
  there(path: string): string;
  /** Both hooks of a publish, in order; answers the notes. */
  publish(files: FilesByPath): Promise<string[]>;
  switchTo(tree: TreeOnNode, kind: 'publish' | 'rollback'): Promise<string>;
}

export async function createSiteThere(
  t: TestContext,
  files: FilesByPath,
  config: Record<string, unknown> = {},
): Promise<SiteThere> {
  const server = await startSshServer();
  t.after(() => server.stop());
  const site = await createSiteOnDisk('docs', files);
  t.after(() => site.remove());
  const plugin = await startPlugin(sshTarget, { config: { ...server.config, ...config } });
  t.after(() => plugin.close());
  const switchTo: SiteThere['switchTo'] = async (tree, kind) => {
    const event = site.switchEvent(tree, kind);
    await site.switchTo(tree);
    return note(await plugin.run('switch', event));
  };
  return {
    server,
    site,
    plugin,
    there: (path) => join(server.sites, 'docs', path),
    switchTo,
    async publish(next) {
      const tree = await site.stage(next);
      const before = note(await plugin.run('beforeSwitch', site.beforeSwitchEvent(tree)));
      return [before, await switchTo(tree, 'publish')];
    },
  };
}

export function note(run: Awaited<ReturnType<StartedPlugin['run']>>): string {
  assert.equal(run.error, null, run.error?.message);
  return run.answer?.note ?? '';
}
