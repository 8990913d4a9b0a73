// A file that nothing includes: nginx accepts that, so Treecast says it, and nginx is reloaded once the operator has included it.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createSiteOnDisk, type SiteOnDisk, testNeeding } from 'treecast/plugin/testing';
import { createRealNginx, type RealNginx } from './testing/real-nginx.ts';
import { startPlugin } from './testing/start-plugin.ts';

const said = 'nothing in nginx’s configuration includes the file of this site';

/** nginx runs, and `operator.conf` in its `http` is empty. */
async function prepared(
  context: TestContext,
): Promise<{ real: RealNginx; site: SiteOnDisk; operator: string }> {
  const real = createRealNginx({
    instead: 'server { listen unix:PREFIX/http.sock; return 204; } include operator.conf;',
  });
  context.after(() => real.close());
  const site = await createSiteOnDisk('docs', { 'index.html': 'one' });
  context.after(() => site.remove());
  const operator = join(real.prefix, 'operator.conf');
  writeFileSync(operator, '');
  await real.start();
  return { real, site, operator };
}

testNeeding(
  ['nginx'],
  'a server block that nothing includes is told with the line to add; once it is there, a restart of the agent reloads nginx',
  async (context) => {
    const { real, site, operator } = await prepared(context);
    const own = join(real.prefix, 'docs.sock');
    const start = () => startPlugin(real, { servers: { docs: { listen: [`unix:${own}`] } } });
    const told = `\`${real.includeDirectory}/docs.conf\` is included by nothing in ${real.mainConfiguration}, so nginx does not serve this site: add \`include ${real.includeDirectory}/*.conf;\` to \`http\`, then reload nginx`;
    const first = await start();
    assert.equal((await first.call('attach', site.attachEvent()))?.note, `nginx reloaded; ${told}`);
    assert.deepEqual(first.warnings, [said]);
    const second = await start();
    assert.equal((await second.call('attach', site.attachEvent()))?.note, `configuration as it was; ${told}`);
    assert.deepEqual([second.warnings, real.reloads()], [[said], 1]);

    writeFileSync(operator, `include ${real.includeDirectory}/*.conf;`);
    const third = await start();
    assert.match(
      (await third.call('attach', site.attachEvent()))?.note ?? '',
      /^nginx reloaded(?!.*included)/,
    );
    assert.deepEqual([(await real.get('/', {}, own)).body, third.warnings], ['one', []]);
    const fourth = await start();
    assert.match((await fourth.call('attach', site.attachEvent()))?.note ?? '', /^configuration as it was/);
    assert.equal(real.reloads(), 2);
  },
);

testNeeding(
  ['nginx'],
  'locations that nothing includes are told with the line for the server block, which nginx accepts',
  async (context) => {
    const { real, site, operator } = await prepared(context);
    const first = await startPlugin(real);
    const note = (await first.call('attach', site.attachEvent()))?.note ?? '';
    assert.deepEqual(first.warnings, [said]);
    const line = /add `(include .*\/docs\.con\[f\];)` to your server block, then reload nginx$/.exec(
      note,
    )?.[1];
    const own = join(real.prefix, 'docs.sock');
    writeFileSync(operator, `server { listen unix:${own}; ${line} }`);
    const second = await startPlugin(real);
    await second.call('attach', site.attachEvent());
    assert.deepEqual([(await real.get('/', {}, own)).body, second.warnings], ['one', []]);
  },
);

testNeeding(
  ['nginx'],
  'where something else serves the site, another name leads to the file, or not all could be read, nothing is said',
  async (context) => {
    const { real, site, operator } = await prepared(context);
    const warned = async (text: string): Promise<readonly string[]> => {
      writeFileSync(operator, text);
      const plugin = await startPlugin(real);
      await plugin.call('attach', site.attachEvent());
      return plugin.warnings;
    };
    const listen = `listen unix:${real.prefix}/docs.sock;`;
    assert.deepEqual(await warned(`server { ${listen} root ${site.liveLink}; }`), []);
    symlinkSync(real.includeDirectory, join(real.prefix, 'linked'));
    assert.deepEqual(await warned(`server { ${listen} include linked/docs.conf; }`), []);
    assert.deepEqual(await warned(''), [said]);
    mkdirSync(join(real.prefix, 'large'));
    writeFileSync(join(real.prefix, 'large/one.conf'), '#'.repeat(1_100_000));
    assert.deepEqual(await warned('include large/*.conf;'), []);
  },
);
