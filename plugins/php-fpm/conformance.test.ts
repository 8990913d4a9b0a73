import { join } from 'node:path';
import { createSiteOnDisk, testPluginConformance } from 'treecast/plugin/testing';
import { phpFpm } from './php-fpm.ts';
import { phpFpmProgram, startFpm } from './start-fpm.ts';

testPluginConformance(
  phpFpm,
  async () => {
    const fpm = await startFpm({ settings: ['opcache.validate_timestamps=0'] });
    const sites = {
      one: await createSiteOnDisk('one', { 'index.php': '<?php echo "one";' }),
      two: await createSiteOnDisk('two', { 'index.php': '<?php echo "two";' }),
    };
    const next = {
      one: await sites.one.stage({ 'index.php': '<?php echo "one, next";' }),
      two: await sites.two.stage({ 'index.php': '<?php echo "two, next";' }),
    };
    let stalled = false;
    return {
      config: { pools: [fpm.socket] },
      wrong: [
        {
          config: { pools: ['fpm.sock'], reset: 'reload', timeoutMs: 1, socket: 'x' },
          problems: [/pools\.0/, /timeoutMs/, /socket/],
        },
        { config: { pools: [fpm.socket], reset: 'reload' }, problems: [/pidFile: is needed/] },
        {
          config: { pools: [{ socket: fpm.socket, chroot: '/srv/jail' }], pidFile: '/run/fpm.pid' },
          problems: [/pidFile: is used with/, /scriptDirectory: has to be a directory below/],
        },
      ],
      events: (site) => ({
        attach: sites[site].attachEvent(),
        afterSwitch: sites[site].switchEvent(next[site]),
      }),
      observe: async () => ({
        one: await fpm.get(join(sites.one.liveLink, 'index.php')),
        two: await fpm.get(join(sites.two.liveLink, 'index.php')),
      }),
      breakTarget: () => fpm.stop(),
      stallTarget() {
        stalled = true;
        fpm.signalAll('SIGSTOP');
        return Promise.resolve();
      },
      async mendTarget() {
        if (stalled) fpm.signalAll('SIGCONT');
        else await fpm.start();
        stalled = false;
      },
      failing: ['attach', 'afterSwitch'],
      async close() {
        await fpm.remove();
        await sites.one.remove();
        await sites.two.remove();
      },
    };
  },
  { needs: [phpFpmProgram] },
);
