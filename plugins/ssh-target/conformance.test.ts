import { createSiteOnDisk, directorySnapshot, testPluginConformance } from 'treecast/plugin/testing';
import { sshTarget } from './ssh-target.ts';
import { sshNeeds, startSshServer } from './testing/ssh-server.ts';

testPluginConformance(
  sshTarget,
  async () => {
    const server = await startSshServer();
    const sites = {
      one: await createSiteOnDisk('one', { 'index.html': 'one', 'docs/a b.txt': 'a' }),
      two: await createSiteOnDisk('two', { 'index.html': 'two' }),
    };
    const next = {
      one: await sites.one.stage({ 'index.html': 'one, again', 'docs/a b.txt': 'a' }),
      two: await sites.two.stage({ 'index.html': 'two, again' }),
    };
    const given = {
      one: await sites.one.stage({ 'index.html': 'given up' }),
      two: await sites.two.stage({ 'index.html': 'given up' }),
    };
    return {
      config: { ...server.config, removeOnDetach: true },
      wrong: [
        {
          config: { ...server.config, destination: '-oProxyCommand=x', root: '/srv/../etc', port: 0 },
          problems: [/destination/, /root: has a \. or \.\./, /port/],
        },
        { config: { ...server.config, root: '/srv/a b', ssh: '' }, problems: [/root: must be/, /ssh/] },
        {
          config: { ...server.config, identityFile: `${server.root}/none` },
          problems: [/identityFile: .*none cannot be read/],
        },
        {
          config: { ...server.config, rsync: '/nowhere/rsync' },
          problems: [/\/nowhere\/rsync is not installed/],
        },
      ],
      events: (name) => {
        const site = sites[name];
        return {
          attach: site.attachEvent(),
          detach: site.attachEvent(),
          beforeSwitch: site.beforeSwitchEvent(next[name]),
          switch: site.switchEvent(next[name]),
          abandon: site.abandonEvent(given[name]),
        };
      },
      observe: () => directorySnapshot(server.sites),
      breakTarget: () => server.shut(),
      stallTarget: async () => server.hold(),
      mendTarget: () => server.open(),
      failing: ['attach', 'beforeSwitch', 'switch', 'abandon', 'detach'],
      async close() {
        await server.stop();
        await sites.one.remove();
        await sites.two.remove();
      },
    };
  },
  { needs: sshNeeds },
);
