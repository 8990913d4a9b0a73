import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createSiteOnDisk, directorySnapshot, testPluginConformance } from 'treecast/plugin/testing';
import { apache } from './apache.ts';
import { apacheProgram, createRealApache } from './testing/real-apache.ts';

testPluginConformance(
  apache,
  async () => {
    const real = await createRealApache();
    await real.start();
    const sites = {
      one: await createSiteOnDisk('one', { 'index.html': 'one' }),
      two: await createSiteOnDisk('two', { 'index.html': 'two' }),
    };
    for (const { directory } of Object.values(sites)) chmodSync(dirname(directory), 0o755);
    const next = {
      one: await sites.one.stage({ 'index.html': 'one, next', 'a.css': 'a {}'.repeat(500) }),
      two: await sites.two.stage({ 'index.html': 'two, next' }),
    };
    // Apache, but for a switch of the test's: with the file `stall` there it never ends.
    const program = join(real.root, 'apache-or-stall');
    const stall = join(real.root, 'stall');
    writeFileSync(program, `#!/bin/sh\n[ -e '${stall}' ] && exec sleep 600\nexec ${apacheProgram} "$@"\n`, {
      mode: 0o755,
    });
    const broken = join(real.includeDirectory, 'broken.conf');
    const server = (name: string) => ({ listen: [`127.0.0.1:${real.port}`], serverName: `${name}.test` });
    const config = {
      program,
      arguments: ['-f', real.mainConfiguration],
      includeDirectory: real.includeDirectory,
      servers: { one: server('one'), two: server('two') },
      twins: {},
      keptAssets: {},
    };
    return {
      config,
      wrong: [
        {
          config: { ...config, includeDirectory: '/etc/$X', reloadSeconds: 0, listen: 80 },
          problems: [/includeDirectory: must be an absolute path/, /reloadSeconds/, /listen/],
        },
        {
          config: { ...config, servers: { one: { serverName: 'a b' } }, index: ['../x'] },
          problems: [/servers\.one\.serverName: must be a host name/, /index\.0/],
        },
        { config: { ...config, allowOverride: 'All' }, problems: [/pin: has to be false/] },
      ],
      events: (name) => ({
        attach: sites[name].attachEvent(),
        detach: sites[name].attachEvent(),
        beforeSwitch: sites[name].beforeSwitchEvent(next[name]),
        switch: sites[name].switchEvent(next[name]),
      }),
      observe: async () => ({
        files: await directorySnapshot(real.includeDirectory),
        one: (await real.get('/', { host: 'one.test' })).body,
        two: (await real.get('/', { host: 'two.test' })).body,
      }),
      breakTarget() {
        writeFileSync(broken, 'NoSuchDirective\n');
        return Promise.resolve();
      },
      stallTarget() {
        writeFileSync(stall, '');
        return Promise.resolve();
      },
      mendTarget() {
        for (const path of [broken, stall]) if (existsSync(path)) rmSync(path);
        return Promise.resolve();
      },
      failing: ['attach'],
      async close() {
        await real.close();
        await sites.one.remove();
        await sites.two.remove();
      },
    };
  },
  { needs: [apacheProgram] },
);
