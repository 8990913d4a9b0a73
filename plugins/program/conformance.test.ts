import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSiteOnDisk, testPluginConformance } from 'treecast/plugin/testing';
import { program } from './program.ts';
import { createServiceControl, goodProgram, installEvent, installed } from './testing/service-control.ts';

testPluginConformance(program, async () => {
  const control = await createServiceControl();
  const sites = {
    one: await createSiteOnDisk('one', { 'bin/app': goodProgram('one') }),
    two: await createSiteOnDisk('two', { 'bin/app': goodProgram('two') }),
  };
  const checkScript = `#!/bin/sh\nif test -e ${control.stallFile}; then exec tail -f /dev/null; fi\n`;
  for (const site of Object.values(sites))
    await site.switchTo(
      await site.stage({ 'bin/app': `${checkScript}test "$1" = --version || exec tail -f /dev/null\n` }),
    );
  return {
    config: { ...control.config, runChecks: true },
    wrong: [
      { config: { allow: ['relative/*'], units: ['-x'] }, problems: [/allow\.0/, /units\.0/] },
      { config: { verify: { waitSeconds: -1 }, restrat: 1 }, problems: [/verify\.waitSeconds/, /restrat/] },
      {
        config: { ...control.config, restart: { program: '/nowhere/systemctl' } },
        problems: [/\/nowhere\/systemctl is not installed/],
      },
    ],
    events: (name) => {
      const site = sites[name];
      const command = installEvent(site, {
        from: 'bin/app',
        to: join(control.bin, name),
        restart: name,
        check: { args: ['--version'] },
      });
      return { attach: site.attachEvent(), prepare: command, apply: command };
    },
    observe: async () => ({ starts: await control.starts(), installed: await installed(control.bin) }),
    breakTarget: () => rename(control.bin, `${control.bin}.gone`),
    stallTarget: () => writeFile(control.stallFile, ''),
    async mendTarget() {
      await rm(control.stallFile, { force: true });
      await rename(`${control.bin}.gone`, control.bin).catch(() => undefined);
    },
    failing: ['prepare', 'apply'],
    async close() {
      await control.remove();
      await sites.one.remove();
      await sites.two.remove();
    },
  };
});
