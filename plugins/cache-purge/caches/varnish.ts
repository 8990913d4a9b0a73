// Varnish with `varnish/treecast.vcl`: PURGE a URL, BAN patterns, or keys of vmod xkey. What else changed is one ban.

import { batches } from '../batches.ts';
import type { CacheConfigOf } from '../config/cache-config.ts';
import { createCacheClient } from '../http/cache-client.ts';
import { judgeResponse } from '../http/judge-response.ts';
import { type KeyOfUrls, keysOf } from '../keys-of.ts';
import { type Cache, everythingItem, missingItem, type PurgeStep, type PurgeWork } from '../purge-work.ts';
import { byHostAndPath, hostsOf } from '../url-parts.ts';
import { fetchThrough } from './fetch-through.ts';

/** A header is 8 KiB at most by default (http_req_hdr_len). */
const headerBytesMax = 4_000;
const urlsABanMax = 200;

export function createVarnish(config: CacheConfigOf<'varnish'>): Cache {
  const client = createCacheClient({
    connectionsMax: config.concurrency,
    timeoutMs: config.requestTimeout * 1000,
  });
  const secretHeaders = config.secret === undefined ? {} : { [config.secretHeader]: config.secret.reveal() };

  function step(
    target: string,
    settles: readonly string[],
    call: {
      readonly method: string;
      readonly path?: string;
      readonly headers: Readonly<Record<string, string>>;
    },
  ): PurgeStep {
    const { method, path = '/' } = call;
    const headers = { ...call.headers, ...secretHeaders };
    return {
      settles,
      async run(signal) {
        const response = await client.send({ endpoint: target, method, path, headers }, signal);
        // Other VCLs answer 404 to a PURGE of what they do not hold.
        judgeResponse(
          response,
          (status) => status === 200 || status === 204 || (method === 'PURGE' && status === 404),
        );
        const forgotten = response.header('x-treecast-purged');
        // A count tells which URL was held when there is one.
        if (forgotten === undefined || call.path === undefined) return undefined;
        return Number(forgotten) > 0 ? settles : [];
      },
    };
  }

  function ban(
    target: string,
    settles: readonly string[],
    headers: Readonly<Record<string, string>>,
  ): PurgeStep {
    return step(target, settles, { method: 'BAN', headers });
  }

  function purges(target: string, { urls }: PurgeWork): PurgeStep[] {
    const soft: Readonly<Record<string, string>> = config.soft ? { 'x-purge-soft': '1' } : {};
    return [...byHostAndPath(urls).values()].map(({ host, path, urls: settles }) =>
      step(target, settles, { method: 'PURGE', path, headers: { host, ...soft } }),
    );
  }

  function bans(target: string, { urls }: PurgeWork): PurgeStep[] {
    const byHost = Map.groupBy(byHostAndPath(urls).values(), ({ host }) => host);
    return [...byHost].flatMap(([host, objects]) =>
      batches(objects, {
        entriesMax: urlsABanMax,
        bytesMax: headerBytesMax,
        bytes: ({ path }) => pattern(path).length + 1,
      }).map((batch) =>
        ban(
          target,
          batch.flatMap((object) => object.urls),
          {
            'x-ban-host': host,
            'x-ban-urls': `^(?:${batch.map(({ path }) => pattern(path)).join('|')})${config.withQueries ? '(?:[?]|$)' : '$'}`,
          },
        ),
      ),
    );
  }

  function keyPurges(target: string, work: PurgeWork): PurgeStep[] {
    const header = config.soft ? 'xkey-softpurge' : 'xkey-purge';
    // In the header that the origin sends a comma ends a key: such a URL goes by itself.
    const { usable, unusable } = keysOf(work, config.keys, (key) => !key.includes(','));
    const limit = {
      entriesMax: 256,
      bytesMax: headerBytesMax,
      bytes: ({ key }: KeyOfUrls) => key.length + 1,
    };
    const byKey = batches(usable, limit).map((batch) =>
      step(
        target,
        batch.flatMap(({ urls }) => urls),
        { method: 'PURGE', headers: { [header]: batch.map(({ key }) => key).join(' ') } },
      ),
    );
    return [...byKey, ...purges(target, { ...work, urls: unusable })];
  }

  const byMode = { purge: purges, ban: bans, xkey: keyPurges };
  return {
    name: config.name,
    targets: config.endpoints,
    steps(target, work) {
      const hosts = hostsOf(work.origins);
      const mount = work.prefix.slice(0, -1);
      const below: Readonly<Record<string, string>> =
        mount === '' ? {} : { 'x-ban-urls': `^${pattern(mount)}(?:[/?]|$)` };
      const whole = hosts.map((host) => ban(target, [everythingItem], { 'x-ban-host': host, ...below }));
      const missing = hosts.map((host) =>
        ban(target, [missingItem], { 'x-ban-host': host, 'x-ban-status': '^(?:404|410)$' }),
      );
      return [
        ...(work.everything ? whole : byMode[config.mode](target, work)),
        ...(work.missing && !work.everything ? missing : []),
      ];
    },
    fetch: fetchThrough(client),
    close: () => client.close(),
  };
}

/** A regular expression for exactly this text; no spaces, as a ban is read word by word. */
function pattern(text: string): string {
  return text.replace(/[.*+?(){}[\]|$]/g, '[$&]').replace(/[\^\\]/g, '\\$&');
}
