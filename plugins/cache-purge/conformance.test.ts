// The conformance suite, against two strict stand-ins of Varnish with the shipped VCL.

import { urlMapSchema } from 'treecast/plugin';
import { contentEvent, startStandIn, testPluginConformance } from 'treecast/plugin/testing';
import { cachePurge } from './cache-purge.ts';

testPluginConformance(cachePurge, async () => {
  const objects = new Set<string>();
  const caches = await Promise.all(
    ['a', 'b'].map((name) =>
      startStandIn(({ method, path, headers }) => {
        const object = `${name} ${headers['host']}${path}`;
        if (method === 'PURGE')
          return { status: 200, headers: { 'x-treecast-purged': objects.delete(object) ? '1' : '0' } };
        if (method !== 'GET') return { status: 405 };
        objects.add(object);
        return { status: 200, headers: { age: '0' } };
      }),
    ),
  );
  return {
    config: {
      caches: [
        {
          ...{
            kind: 'varnish',
            name: 'edge',
            endpoints: caches.map(({ url }) => url),
            retryDelay: 0.01,
          },
          ...{ readBack: 'sample', warm: { urls: ['/'], top: 10 } },
        },
      ],
    },
    wrong: [
      { config: {}, problems: [/caches/] },
      {
        config: {
          caches: [
            { kind: 'varnish', name: 'A b', endpoints: ['10.0.0.1:80'], mod: 'ban' },
            { kind: 'nginx', name: 'front', mode: 'bypass' },
            { kind: 'cloudflare', name: 'cf', zone: 'nonsense', token: 'in the clear' },
            { kind: 'http', name: 'edge', url: 'edge.example.org', batch: 5 },
          ],
          urlsMax: 0,
        },
        problems: [
          /config\.caches\.0\.name: is not a name/,
          /config\.caches\.0\.endpoints\.0: is not an address such as/,
          /config\.caches\.0: .*mod/,
          /config\.caches\.1\.endpoints: is needed with `mode: bypass`/,
          /config\.caches\.2\.zone: is no zone id/,
          /config\.caches\.2\.token/,
          /config\.caches\.3\.url: must begin with http/,
          /config\.urlsMax/,
        ],
      },
      {
        config: {
          caches: [
            { kind: 'squid', name: 'edge', endpoints: ['http://10.0.0.1:80'] },
            { kind: 'squid', name: 'edge', endpoints: ['http://10.0.0.2:80'] },
            { kind: 'http', name: 'other', url: 'http://10.0.0.3/{path}', batch: 2 },
          ],
        },
        problems: [/two caches are called edge/, /config\.caches\.2\.body: has to hold \{urls\}/],
      },
    ],
    events(name) {
      const event = contentEvent({
        site: name,
        from: { 'index.html': 'old', 'gone.html': name },
        to: { 'index.html': 'new', 'new.html': name },
        urlMap: urlMapSchema.parse({ origins: [`https://${name}.example.org`] }),
      });
      return { invalidate: event, warm: event };
    },
    observe: () => Promise.resolve([...objects].sort()),
    async breakTarget() {
      for (const cache of caches) await cache.breakIt();
    },
    stallTarget() {
      for (const cache of caches) cache.stallIt();
      return Promise.resolve();
    },
    async mendTarget() {
      for (const cache of caches) await cache.mend();
    },
    failing: ['invalidate', 'warm'],
    async close() {
      for (const cache of caches) await cache.close();
    },
  };
});
