import { createSiteOnDisk, testPluginConformance } from 'treecast/plugin/testing';
import { probe } from './probe.ts';
import { startNginxOfSite } from './testing/nginx-of-site.ts';

testPluginConformance(
  probe,
  async () => {
    const one = await createSiteOnDisk('one', { 'index.html': '<h1>Healthy</h1>' });
    const two = await createSiteOnDisk('two', { 'index.html': '<h1>Healthy</h1>' });
    const nginx = await startNginxOfSite(one.liveLink);
    const http = { url: `${nginx.url}/`, host: 'docs.example.org', bodyMatches: 'Healthy' };
    return {
      config: { switchBack: true, checks: [{ http, attempts: 2, everySeconds: 0.05 }] },
      wrong: [
        {
          config: {
            checks: [
              { http: { url: 'ftp://x/', statuses: [7], bodyMatches: '/(/' } },
              { http, command: { program: 'true' } },
              { name: 'nothing' },
            ],
            switchback: true,
          },
          problems: [
            /checks\.0\.http\.url: must be an http or https URL/,
            /checks\.0\.http\.statuses\.0: Too small/,
            /checks\.0\.http\.bodyMatches: Invalid regular expression/,
            /checks\.1: needs either `http` or `command`/,
            /checks\.2: needs either/,
            /switchback/,
          ],
        },
        {
          config: { checks: [{ command: { program: 'no-such-program-here' } }] },
          problems: [/the program no-such-program-here is not installed here/],
        },
      ],
      events: (site) => {
        const disk = site === 'one' ? one : two;
        return { probe: disk.switchEvent(disk.live()) };
      },
      observe: async () => (await fetch(nginx.url)).status,
      breakTarget: nginx.stop,
      stallTarget: () => Promise.resolve(nginx.stall()),
      mendTarget: nginx.mend,
      failing: ['probe'],
      async close() {
        await nginx.close();
        await one.remove();
        await two.remove();
      },
    };
  },
  { needs: ['nginx'] },
);
