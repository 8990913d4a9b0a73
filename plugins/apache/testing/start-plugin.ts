// The plugin as a host sets it up, for tests that call its hooks one by one; and a site that Apache's user can read.

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Exec, HookEvent, HookName, HookResult, Hooks, PluginLog, TreeOnNode } from 'treecast/plugin';
import { createSiteOnDisk, type FilesByPath, type SiteOnDisk } from 'treecast/plugin/testing';
import { apache } from '../apache.ts';
import { type ApacheText, apacheProgram, createRealApache, type RealApache } from './real-apache.ts';

export interface StartedPlugin {
  call<H extends HookName>(
    hook: H,
    event: HookEvent<H>,
    options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
  ): Promise<HookResult<H>>;
  /** Programs it ran so far. */
  readonly ran: string[][];
}

const log: PluginLog = { debug() {}, info() {}, warn() {}, error() {} };

const exec: Exec = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        timeout: options.timeoutMs ?? 30_000,
        env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve({ code: Number(error?.code ?? 0), stdout, stderr, truncated: false });
      },
    );
  });

/** `instance` names its state directory: the same name is the same instance, started again. */
export async function startPlugin(
  real: RealApache,
  config: Record<string, unknown> = {},
  instance = 'apache',
): Promise<StartedPlugin> {
  const stateDirectory = join(real.root, 'state', instance);
  mkdirSync(stateDirectory, { recursive: true });
  const ran: string[][] = [];
  const parts = await apache.setup({
    config: apache.configSchema.parse({
      program: apacheProgram,
      arguments: ['-f', real.mainConfiguration],
      includeDirectory: real.includeDirectory,
      ...config,
    }),
    place: 'agent',
    instance,
    log,
    exec: (program, args, options) => {
      ran.push([program, ...args]);
      return exec(program, args, options);
    },
    stateDirectory,
    onCleanup: () => undefined,
  });
  const never = new AbortController().signal;
  return {
    ran,
    call: async (hook, event, { dryRun = false, signal = never } = {}) => {
      const hooks: Hooks = parts.hooks;
      return (await hooks[hook]?.(event, { signal, log, dryRun })) as HookResult<typeof hook>;
    },
  };
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
