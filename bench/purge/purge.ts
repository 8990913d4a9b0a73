// How long until a cache in front of the site has forgotten every URL that changed: a real Varnish that holds all of them, and the plugin
// cache-purge as the CCM calls it. Right only when Varnish says that it forgot each of them in each round.

// Before the plugin: it makes `treecast/plugin` resolve.
import '../../src/plugins/host/resolve-api.ts';
import type { Bench } from '../bench.ts';

const urlsMax = 50_000;

export const purge: Bench = {
  name: 'purge',
  summary: 'milliseconds until a real Varnish has forgotten all changed URLs that it holds',
  usage: '[--urls 5000] [--rounds 5]',
  options: {
    urls: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '5' },
  },
  async run({ values, say, report }) {
    const [urls, rounds] = [Number(values['urls']), Number(values['rounds'])];
    if (!isCount(urls, urlsMax) || !isCount(rounds, 1_000)) {
      process.stderr.write(`--urls is a number from 1 to ${urlsMax}, --rounds one from 1 to 1000\n`);
      return 2;
    }
    say(`${urls} URLs in Varnish, forgotten ${rounds} times`);
    const { measurePurge } = await import('../../plugins/cache-purge/testing/measure-purge.ts');
    const { roundsMs, medianMs, forgotten } = await measurePurge({ urls, rounds });
    report({
      bench: 'purge',
      cache: 'varnish',
      urls,
      rounds,
      median_ms: medianMs,
      min_ms: Math.min(...roundsMs),
      max_ms: Math.max(...roundsMs),
      forgotten,
    });
    const isRight = forgotten === urls * rounds;
    if (!isRight) say(`${urls * rounds - forgotten} were not forgotten`);
    return isRight ? 0 : 1;
  },
};

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
