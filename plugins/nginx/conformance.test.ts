// The conformance suite against a real nginx, reached through a program that can be broken or made to hang.

import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSiteOnDisk, directorySnapshot, testPluginConformance } from 'treecast/plugin/testing';
import { nginx } from './nginx.ts';
import { createRealNginx } from './testing/real-nginx.ts';

testPluginConformance(
  nginx,
  async () => {
    const real = createRealNginx({
      instead: 'include treecast/*.conf; server { listen unix:PREFIX/http.sock; return 204; }',
    });
    const program = join(real.prefix, 'nginx-program');
    const behave = (line: string): void => {
      writeFileSync(program, `#!/bin/sh\n${line}\n`);
      chmodSync(program, 0o755);
    };
    const mend = (): void => behave('PATH="$PATH:/usr/sbin:/sbin" exec nginx "$@"');
    mend();
    const sites = {
      one: await createSiteOnDisk('one', files(1)),
      two: await createSiteOnDisk('two', files(1)),
    };
    const next = { one: await sites.one.stage(files(2)), two: await sites.two.stage(files(2)) };
    const serverOf = (site: string) => ({
      listen: [`unix:${real.prefix}/${site}.sock`],
      serverName: [`${site}.test`],
    });
    await real.start();
    return {
      config: {
        program,
        mainConfiguration: real.mainConfiguration,
        includeDirectory: real.includeDirectory,
        servers: { one: serverOf('one'), two: serverOf('two') },
        twins: { bytesMin: 10 },
        keptAssets: { releases: 2 },
        siteConfiguration: {},
      },
      wrong: [
        {
          config: {
            program,
            port: 80,
            includeDirectory: 'here',
            servers: { one: { listen: ['80; evil'] } },
            index: ['../x'],
          },
          problems: [
            /port/,
            /includeDirectory: must be an absolute path/,
            /servers\.one\.listen\.0/,
            /index\.0: must lie inside/,
          ],
        },
        { config: { program: 'no-such-nginx' }, problems: [/no-such-nginx is not installed/] },
      ],
      events: (name) => {
        const site = sites[name];
        const switching = site.switchEvent(next[name]);
        return {
          attach: site.attachEvent(),
          detach: site.attachEvent(),
          beforeSwitch: site.beforeSwitchEvent(next[name]),
          afterSwitch: switching,
        };
      },
      observe: async () => ({
        written: await directorySnapshot(real.includeDirectory),
        kept: await directorySnapshot(join(sites.one.directory, 'kept')),
        tree: await directorySnapshot(next.one.directory),
        body: await real.get('/', {}, `${real.prefix}/one.sock`).then(
          ({ body }) => body,
          () => null,
        ),
      }),
      breakTarget: () => Promise.resolve(behave('echo "nginx: [emerg] broken" >&2; exit 1')),
      stallTarget: () => Promise.resolve(behave('exec sleep 600')),
      mendTarget: () => Promise.resolve(mend()),
      failing: ['attach', 'afterSwitch'],
      close: async () => {
        await real.close();
        await sites.one.remove();
        await sites.two.remove();
      },
    };
  },
  { needs: ['nginx'] },
);

function files(n: number): Record<string, string> {
  return {
    'index.html': `page ${n}`,
    [`assets/app-${n}.js`]: 'let a = 1;\n'.repeat(20),
    'treecast/nginx.conf': `rewrite ^/old${n}$ /index.html last;\n`,
  };
}
