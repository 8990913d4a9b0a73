import { testPluginConformance } from 'treecast/plugin/testing';
import { loadbalancer } from './loadbalancer.ts';
import { startHaproxy } from './testing/haproxy.ts';
import { startOrigin } from './testing/origin.ts';
import { eventOf } from './testing/start-plugin.ts';

testPluginConformance(
  loadbalancer,
  async () => {
    const origins = [await startOrigin('web1'), await startOrigin('web2')] as const;
    const haproxy = await startHaproxy({ servers: origins });
    const balancer = {
      name: 'edge',
      kind: 'haproxy',
      sockets: [haproxy.socket],
      backends: ['app', 'static'],
      drain: { waitSeconds: 3 },
    };
    let broken = false;
    return {
      config: { balancers: [balancer] },
      wrong: [
        {
          config: {
            balancers: [
              { ...balancer, backends: ['app;x'], drain: { waitSeconds: -1, until: 3 } },
              { ...balancer, sockets: ['admin.sock'] },
            ],
          },
          problems: [/backends/, /waitSeconds/, /until/, /sockets/],
        },
        { config: { balancers: [balancer, balancer] }, problems: [/edge is there twice/] },
        { config: {}, problems: [/balancers/] },
        { config: { balancers: [{ name: 'x', kind: 'ipvs' }] }, problems: [/kind/] },
        { config: { balancers: [{ ...balancer, backends: ['nowhere'] }] }, problems: [/no backend nowhere/] },
      ],
      events(site) {
        const event = eventOf([site === 'one' ? 'web1' : 'web2'], { site });
        return { drain: event, restore: event, weigh: { ...event, share: 0.5 }, inspect: event };
      },
      async observe() {
        const text = await haproxy.ask('show servers state');
        // Which server, admin state and weight; not how long ago.
        return text.split('\n').map((line) => line.split(' ').filter((_, at) => [1, 3, 6, 7].includes(at)));
      },
      async breakTarget() {
        broken = true;
        await haproxy.stop();
      },
      stallTarget: () => haproxy.freeze(),
      async mendTarget() {
        await haproxy.thaw();
        if (broken) await haproxy.start();
        broken = false;
      },
      failing: ['drain', 'restore', 'weigh', 'inspect'],
      async close() {
        await haproxy.close();
        for (const origin of origins) await origin.close();
      },
    };
  },
  { needs: ['haproxy'] },
);
