import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSiteOnDisk, testPluginConformance } from 'treecast/plugin/testing';
import { configFile } from './config-file.ts';
import { snippet, startNginx, writeEvent } from './testing/nginx-with-snippets.ts';

testPluginConformance(
  configFile,
  async () => {
    const nginx = await startNginx();
    const sites = {
      one: await createSiteOnDisk('one', { 'server.conf': snippet('one', 'of one') }),
      two: await createSiteOnDisk('two', { 'server.conf': snippet('two', 'of two') }),
    };
    return {
      config: nginx.config,
      wrong: [
        {
          config: {
            allow: ['etc/*'],
            validators: { nginx: { program: 'nginx', args: ['-t'] } },
            reloads: { 'Not A Name': { program: 'nginx' } },
          },
          problems: [/allow\.0/, /validators\.nginx\.args.*no argument with \{file\}/, /reloads/],
        },
        {
          config: {
            validators: { a: { program: '/nowhere/a' } },
            reloads: { b: { program: 'true', verify: { program: '/nowhere/b' } } },
          },
          problems: [/\/nowhere\/a is not installed/, /\/nowhere\/b is not installed/],
        },
      ],
      events: (name) => {
        const site = sites[name];
        const to = join(nginx.snippets, `${name}.conf`);
        const command = writeEvent(site, { from: 'server.conf', to, validate: 'snippet', reload: 'nginx' });
        return { attach: site.attachEvent(), prepare: command, apply: command };
      },
      observe: () => nginx.written(),
      breakTarget: () => rename(nginx.snippets, `${nginx.snippets}.gone`),
      stallTarget: () => writeFile(nginx.stallFile, ''),
      async mendTarget() {
        await rm(nginx.stallFile, { force: true });
        await rename(`${nginx.snippets}.gone`, nginx.snippets).catch(() => undefined);
      },
      failing: ['prepare', 'apply'],
      async close() {
        await nginx.stop();
        await sites.one.remove();
        await sites.two.remove();
      },
    };
  },
  { needs: ['nginx'] },
);
