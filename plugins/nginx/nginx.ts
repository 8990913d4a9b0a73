// The plugin: points nginx at a site's live tree, keeps what the policy says beside it, and reloads only when configuration changed.

import { join } from 'node:path';
import { createKeptAssets, definePlugin, writeTwins } from 'treecast/plugin';
import { createChangeQueue } from './change-queue.ts';
import { configurationSchema } from './configuration.ts';
import { createLeftOutSites } from './left-out-sites.ts';
import { createNginxProgram } from './nginx-program.ts';
import { reloadNginx } from './reload-nginx.ts';
import { createSiteFiles } from './site-files.ts';
import { createSurroundings } from './surroundings.ts';

export const nginx = definePlugin({
  name: 'nginx',
  summary:
    'nginx serves the live tree; its configuration is tested before it is used, and reloaded only when it changed',
  places: ['agent'],
  configSchema: configurationSchema,
  programs: ({ program, reload }) => (reload ? [program, reload.program] : [program]),
  setup({ config, log, exec, stateDirectory, onCleanup }) {
    const program = createNginxProgram(exec, config);
    const surroundings = createSurroundings(config, program);
    const kept = config.keptAssets && createKeptAssets({ ...config.keptAssets, stateDirectory, log });
    const queue = createChangeQueue({
      name: config.mainConfiguration,
      marker: join(stateDirectory, 'reload-owed'),
      test: (signal) => program.test(signal),
      reload: async (signal, secondsMin) => {
        const reloadSeconds = Math.max(config.reloadSeconds, secondsMin);
        return reloadNginx(
          exec,
          { ...config, reloadSeconds },
          await surroundings.reloadFacts(signal),
          signal,
        );
      },
    });
    const leftOut = createLeftOutSites(stateDirectory);
    onCleanup(() => queue.settled());
    const files = createSiteFiles(config, queue, (site) => kept?.directoryOf(site) ?? '');

    return {
      validate: async ({ signal }) => {
        const { version } = await surroundings.build(signal);
        log.info({ version }, 'nginx found');
      },
      hooks: {
        attach: async (event, { signal }) => {
          const { modules } = await surroundings.build(signal);
          const file = files.includeOf(event.site);
          // Included since by the operator: whether nginx was reloaded after that is not known.
          const isNew = (await leftOut.has(event.site)) && (await surroundings.includes(file)) === true;
          const result = await files.attach(event, modules, signal, isNew);
          const { urlMap, note, isLeftOut } = await surroundings.look(event, file);
          await leftOut.set(event.site, isLeftOut);
          if (isLeftOut)
            log.warn(
              { site: event.site, note },
              'nothing in nginx’s configuration includes the file of this site',
            );
          return {
            note: [noteOf(result), note].filter((one) => one !== null).join('; '),
            ...(urlMap ? { urlMap } : {}),
          };
        },
        detach: async (event, { signal }) => {
          const note = noteOf(await files.detach(event, signal));
          await kept?.forget(event);
          await leftOut.set(event.site, false);
          return { note };
        },
        beforeSwitch: async (event, { signal, dryRun }) => {
          await files.judge(event, signal, dryRun);
          if (dryRun) return undefined;
          const notes: string[] = [];
          if (config.twins)
            notes.push(`${(await writeTwins(event, config.twins, signal)).written} twins written`);
          if (kept) notes.push(`${(await kept.keep(event)).kept} assets of the former release kept`);
          return notes.length > 0 ? { note: notes.join(', ') } : undefined;
        },
        afterSwitch: async (event, { signal }) => {
          const result = await files.follow(event, signal);
          return result === null || result === 'unchanged' ? undefined : { note: noteOf(result) };
        },
      },
    };
  },
});

const notes = {
  unchanged: 'configuration as it was',
  reloaded: 'nginx reloaded',
  skipped: 'nginx does not run here: not reloaded',
  unverified: 'nginx was told to reload; whether it did cannot be seen from here',
} as const;

function noteOf(result: keyof typeof notes): string {
  return notes[result];
}
