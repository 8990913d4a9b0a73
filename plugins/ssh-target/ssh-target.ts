// Keeps a server that runs no agent in step with this node (R8.6): each release is sent there by rsync over SSH before the switch, as part of this
// node's vote, and the symlink there is moved right after this node's own. What the server serves from that link is its own affair.

import { stat } from 'node:fs/promises';
import { definePlugin, type HookCall, PluginError, type SiteOnNode, type TreeOnNode } from 'treecast/plugin';
import {
  abandonScript,
  pruneScript,
  reachScript,
  readyScript,
  removeScript,
  switchScript,
} from './remote-scripts.ts';
import { sendTree } from './send-tree.ts';
import { createSshConnection } from './ssh-connection.ts';
import { sshTargetConfigSchema } from './ssh-target-config.ts';

const siteName = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/;
const releaseName = /^[0-9]+-[0-9]+$/;
const treeId = /^[0-9a-f]{40,64}$/;

export const sshTarget = definePlugin({
  name: 'ssh-target',
  summary: 'a server reached by SSH that runs no agent gets each release and is switched with this node',
  places: ['agent'],
  configSchema: sshTargetConfigSchema,
  programs: ({ ssh, rsync }) => [ssh, rsync],
  setup({ config, exec, stateDirectory }) {
    const { root, destination, treesKept } = config;
    const connection = createSshConnection(exec, config, stateDirectory);

    /** A rollback had no vote, and its tree may be gone there: then it is sent first. Answers whether it was. */
    async function switchTo(
      site: string,
      to: TreeOnNode,
      call: HookCall,
      again: 'again' | 'anew' = 'anew',
    ): Promise<boolean> {
      const { release, tree } = to;
      // The last line: a login shell there may greet first.
      const move = async (): Promise<string | undefined> =>
        (await connection.run(switchScript, [root, site, release, tree, again], call)).at(-1);
      let line = await move();
      const missing = line === 'missing';
      if (missing) {
        await sendTree(connection, config, site, to, call);
        line = await move();
      }
      if (line === `live trees/${release}`) return missing;
      throw new PluginError(
        `${destination}: ${root}/${site}/live was to name trees/${release}; it says: ${line}`,
        { fix: `See who else writes to ${root}/${site} there.` },
      );
    }

    /** Old trees cost space, not correctness: what fails here is tried again after the next switch. */
    async function prune(site: string, from: TreeOnNode | null, call: HookCall): Promise<void> {
      try {
        const former = from?.release ?? 'none';
        await connection.run(pruneScript, [root, site, former, String(treesKept)], call);
      } catch (error) {
        call.log.warn({ site, err: error }, 'old trees there could not be removed');
      }
    }

    return {
      async validate() {
        await readableFile(config.knownHostsFile, 'knownHostsFile');
        const { mode } = await readableFile(config.identityFile, 'identityFile');
        if ((mode & 0o077) !== 0)
          throw new PluginError(`identityFile: ${config.identityFile} may be read by others`, {
            fix: `chmod 600 ${config.identityFile}`,
            retryable: false,
          });
      },
      hooks: {
        async attach(event, call) {
          const { live } = event;
          const site = siteOf(event);
          if (live === null) {
            await connection.run(readyScript, [root, site], call);
            return { note: `${destination} is ready` };
          }
          judge(live);
          const sent = await switchTo(site, live, call);
          return { note: `${destination} has ${live.release}${sent ? ', which was sent' : ''}` };
        },

        async detach(event, call) {
          const site = siteOf(event);
          if (!config.removeOnDetach) return { note: `${destination}:${root}/${site} was left as it is` };
          await connection.run(removeScript, [root, site], call);
          return { note: `${destination}:${root}/${site} was removed` };
        },

        async beforeSwitch(event, call) {
          const site = siteOf(event);
          judge(event.to);
          if (call.dryRun) {
            await connection.run(reachScript, [root, site], call);
            return { note: `${destination} can be reached` };
          }
          const sent = await sendTree(connection, config, site, event.to, call);
          return { note: `${destination} ${sent ? 'was sent' : 'has'} ${event.to.release}` };
        },

        async switch(event, call) {
          const site = siteOf(event);
          const { to, from, kind } = event;
          judge(to);
          const back = kind === 'rollback' || kind === 'switch-back';
          const sent = await switchTo(site, to, call, back ? 'again' : 'anew');
          await prune(site, from, call);
          return { note: `${destination} switched to ${to.release}${sent ? ', which was sent' : ''}` };
        },

        async abandon(event, call) {
          const site = siteOf(event);
          const { release } = event;
          if (!releaseName.test(release)) throw strange('release', release);
          await connection.run(abandonScript, [root, site, release], call);
        },
      },
    };
  },
});

async function readableFile(path: string, key: string): Promise<{ readonly mode: number }> {
  try {
    return await stat(path);
  } catch (cause) {
    throw new PluginError(`${key}: ${path} cannot be read`, {
      cause,
      fix: 'Make it on this node, or correct its path.',
      retryable: false,
    });
  }
}

function siteOf({ site }: Pick<SiteOnNode, 'site'>): string {
  if (siteName.test(site)) return site;
  throw strange('site', site);
}

/** These become words of commands there. */
function judge({ release, tree }: TreeOnNode): void {
  if (!releaseName.test(release)) throw strange('release', release);
  if (!treeId.test(tree)) throw strange('tree', tree);
}

function strange(what: string, name: string): PluginError {
  return new PluginError(`${JSON.stringify(name)} is no name of a ${what}`, {
    fix: 'Report it to the authors of Treecast.',
    retryable: false,
  });
}
