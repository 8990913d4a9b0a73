// PHP-FPM after a switch: every pool of the site answers from the new tree, from the first request on. What the web server passes on
// to it is the web server's business.

import { definePlugin, type HookCall, PluginError, pathGlob, type SwitchEvent } from 'treecast/plugin';
import { askPool } from './ask-pool.ts';
import { poolName } from './fast-cgi.ts';
import { phpFpmConfigSchema } from './php-fpm-config.ts';
import { masterPid, reloadMaster } from './reload-master.ts';
import { isOn, resetObstacle, resetPool } from './reset-pool.ts';
import { installResetScript } from './reset-script.ts';

export const phpFpm = definePlugin({
  name: 'php-fpm',
  summary: 'PHP-FPM and OPcache see the new release at once',
  places: ['agent'],
  configSchema: phpFpmConfigSchema,
  programs: ({ test }) => test?.slice(0, 1) ?? [],
  setup({ config, exec, stateDirectory }) {
    const { pools, reset, realpath, pidFile, test, timeoutMs } = config;
    const concerned = pathGlob(config.only);
    const directory = config.scriptDirectory ?? stateDirectory;
    /** Of any site: a master that is signalled while it reloads ends. */
    let reloading: Promise<unknown> = Promise.resolve();

    const install = (): Promise<string> =>
      installResetScript(directory, config.scriptDirectory === undefined);

    async function look(call: HookCall): Promise<string> {
      const script = await install();
      const notes = await everyPool(async (pool) => {
        const state = await askPool(pool, 'look', { script, timeoutMs, call });
        return `${poolName(pool.address)}: PHP ${state.php}, OPcache ${isOn(state) ? 'on' : 'off'}`;
      });
      return notes.join('; ');
    }

    /** All pools are tried, whatever the others say; all failures are told. */
    async function everyPool(of: (pool: (typeof pools)[number]) => Promise<string>): Promise<string[]> {
      const results = await Promise.allSettled(pools.map(of));
      const errors = results.flatMap((result): unknown[] =>
        result.status === 'rejected' ? [result.reason] : [],
      );
      const [first] = errors;
      if (errors.length === 1) throw first;
      if (errors.length > 1)
        throw new PluginError(errors.map((error) => messageOf(error)).join('; '), {
          cause: first,
          retryable: errors.some((error) => !(error instanceof PluginError) || error.retryable),
          fix: [
            ...new Set(errors.flatMap((error) => (error instanceof PluginError ? (error.fix ?? []) : []))),
          ].join(' '),
        });
      return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    }

    async function reload(pid: string, call: HookCall): Promise<string> {
      const mine = reloading.then(async () => {
        await reloadMaster({ pidFile: pid, test, exec }, call);
        return `reloaded; ${await look(call)}`;
      });
      reloading = mine.catch(() => undefined);
      return mine;
    }

    async function isConcerned(event: SwitchEvent): Promise<boolean> {
      // What was done before the interruption is not known.
      if (event.kind === 'start') return true;
      const changes = await event.changes();
      return changes === null || changes.some(({ path }) => concerned(path));
    }

    return {
      async validate() {
        await install();
      },
      hooks: {
        async attach(event, call) {
          if (reset === 'reload' && pidFile !== undefined) await masterPid(pidFile);
          if (reset !== 'opcache') return { note: await look(call) };
          const script = await install();
          const notes = await everyPool(async (pool) => {
            const state = await askPool(pool, 'look', { script, timeoutMs, call });
            const obstacle = resetObstacle(state, event, realpath);
            const name = poolName(pool.address);
            if (obstacle !== null)
              throw new PluginError(`the PHP-FPM pool at ${name} ${obstacle.what}`, { fix: obstacle.fix });
            return `${name}: PHP ${state.php}, OPcache ${isOn(state) ? 'on' : 'off'}`;
          });
          return { note: notes.join('; ') };
        },
        async afterSwitch(event, call) {
          if (!(await isConcerned(event))) return { note: 'nothing of PHP changed' };
          if (reset === 'reload' && pidFile !== undefined) return { note: await reload(pidFile, call) };
          if (reset === 'none') return { note: await look(call) };
          const script = await install();
          const notes = await everyPool((pool) =>
            resetPool(pool, event, { script, timeoutMs, call, realpath }),
          );
          return { note: notes.join('; ') };
        },
      },
    };
  },
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
