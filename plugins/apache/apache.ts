// The plugin: points Apache at a site's live tree, says at each switch which release is live, and reloads only when its own file changed.

import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createKeptAssets, definePlugin, PluginError, type SiteOnNode, writeTwins } from 'treecast/plugin';
import { apacheConfigSchema } from './apache-config.ts';
import { type ApacheFacts, createApacheProgram } from './apache-program.ts';
import { type Applied, createChangeQueue } from './change-queue.ts';
import { dropIn, dropInMark } from './drop-in.ts';
import { judgeHtaccess } from './judge-htaccess.ts';
import { createLiveMap } from './live-map.ts';
import { twinEncodings } from './media-types.ts';
import { type Directive, readDirectives } from './read-directives.ts';
import { urlMapOf } from './url-map-of.ts';

const filesMax = 2_000;

export const apache = definePlugin({
  name: 'apache',
  summary:
    'Apache serves the live tree; its configuration is tested before it is used, and reloaded only when it changed',
  places: ['agent'],
  configSchema: apacheConfigSchema,
  programs: ({ program, reload }) => (reload === undefined ? [program] : [program, reload.program]),
  setup({ config, log, exec, stateDirectory, instance, onCleanup }) {
    const program = createApacheProgram(exec, config);
    const queue = createChangeQueue(program, log);
    onCleanup(() => queue.settled());
    const map = config.pin ? createLiveMap(instance) : null;
    const kept = config.keptAssets && createKeptAssets({ ...config.keptAssets, stateDirectory, log });

    const fileOf = (site: string): string =>
      join(config.includeDirectory, `${site}.${config.servers[site] === undefined ? 'inc' : 'conf'}`);

    const textOf = (site: SiteOnNode): string =>
      dropIn(config, {
        site: site.site,
        directory: site.directory,
        liveLink: site.liveLink,
        map: map === null ? null : { name: `${instance}-${site.site}`, file: map.fileOf(site) },
        kept: kept === undefined ? null : relative(site.directory, kept.directoryOf(site)),
      });

    function otherFileOf(site: string): string {
      const own = fileOf(site);
      return own.endsWith('.conf') ? own.replace(/conf$/, 'inc') : own.replace(/inc$/, 'conf');
    }

    async function urlsOf(site: SiteOnNode, { included, serverRoot }: ApacheFacts) {
      const files: Directive[][] = [];
      for (const path of included.slice(0, filesMax))
        files.push(readDirectives(await readFile(path).catch(() => Buffer.alloc(0))));
      const encodings = config.twins?.encodings ?? [];
      return urlMapOf(files, readDirectives(Buffer.from(textOf(site))), {
        liveLink: site.liveLink,
        dropIn: fileOf(site.site),
        serverRoot,
        encodings: twinEncodings.flatMap(({ policy, encoding }) =>
          encodings.includes(policy) ? [encoding] : [],
        ),
      });
    }

    return {
      hooks: {
        async attach(event, { signal }) {
          await map?.write(event, event.live);
          const applied = await queue.apply(
            // An entry that was given or lost its `servers` leaves no former file behind.
            new Map([
              [fileOf(event.site), textOf(event)],
              [otherFileOf(event.site), null],
            ]),
            signal,
          );
          const file = fileOf(event.site);
          if (!applied.facts.included.includes(file))
            throw new PluginError(`${file} is written, but no configuration of Apache includes it`, {
              fix: file.endsWith('.inc')
                ? `Put \`IncludeOptional ${file}\` into the virtual host of ${event.site}.`
                : `Put \`IncludeOptional ${config.includeDirectory}/*.conf\` at the end of Apache’s main configuration.`,
            });
          const urlMap = await urlsOf(event, applied.facts);
          return { note: noteOf(applied), ...(urlMap === null ? {} : { urlMap }) };
        },
        async detach(event, { signal }) {
          const gone = new Map([
            [fileOf(event.site), null],
            [otherFileOf(event.site), null],
          ]);
          const applied = await queue.apply(gone, signal).catch(() => {
            // A virtual host includes the file by name: it gets one that says nothing is here.
            const empty = `${dropInMark}: the site ${event.site} is not on this node.\n`;
            return queue.apply(new Map([[fileOf(event.site), empty]]), signal);
          });
          await map?.remove(event);
          await kept?.forget(event);
          return { note: noteOf(applied) };
        },
        async beforeSwitch(event, { signal, dryRun }) {
          const htaccess = await judgeHtaccess(event, { config, apache: program, stateDirectory }, signal);
          const notes = htaccess === null ? [] : [htaccess];
          if (!dryRun && config.twins)
            notes.push(`${(await writeTwins(event, config.twins, signal)).written} twins written`);
          if (!dryRun && kept)
            notes.push(`${(await kept.keep(event)).kept} assets of the former release kept`);
          return notes.length === 0 ? undefined : { note: notes.join(', ') };
        },
        async switch(event) {
          await map?.write(event, event.to);
        },
      },
    };
  },
});

function noteOf({ result }: Applied): string {
  if (result === 'unchanged') return 'configuration as it was';
  return result === 'reloaded' ? 'Apache reloaded' : 'Apache is not running here: written and tested';
}
