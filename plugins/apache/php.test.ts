import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startServer, testNeeding } from 'treecast/plugin/testing';
import { apacheProgram } from './testing/real-apache.ts';
import { serve } from './testing/start-plugin.ts';

const phpFpm = 'php-fpm8.2';
const main = `
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_fcgi_module /usr/lib/apache2/modules/mod_proxy_fcgi.so
<FilesMatch "\\.php$">
  SetHandler "proxy:unix:ROOT/fpm.sock|fcgi://localhost/"
</FilesMatch>
`;

/** One worker, and OPcache that never looks at a file again. */
async function startPhpFpm(t: TestContext, root: string): Promise<void> {
  const asRoot = process.getuid?.() === 0;
  const config = join(root, 'fpm.conf');
  const user = asRoot ? 'user = www-data\ngroup = www-data\nlisten.owner = www-data\n' : '';
  writeFileSync(
    config,
    `[global]\nerror_log = ${root}/fpm.log\n[www]\n${user}listen = ${root}/fpm.sock\npm = static\npm.max_children = 1\n`,
  );
  const opcache = ['zend_extension=opcache', 'opcache.enable=1', 'opcache.validate_timestamps=0'];
  const settings = opcache.flatMap((setting) => ['-d', setting]);
  const fpm = await startServer(phpFpm, ['-n', ...settings, '-F', '-O', '-y', config], {
    serves: (output) => output.includes('ready to handle connections'),
    endBy: 'SIGINT',
  });
  t.after(() => fpm.end());
}

testNeeding(
  [apacheProgram, phpFpm],
  'N2: with pin, PHP gets paths of the release itself: every first answer is new without a reset',
  async (t) => {
    const page = (release: number) => ({
      'index.php': `<?php echo ${release}, ' ', file_get_contents(__DIR__ . '/words.txt');`,
      'words.txt': `words ${release}`,
    });
    const { real, publish } = await serve(t, page(0), { index: ['index.php'] }, { main });
    await startPhpFpm(t, real.root);
    assert.equal((await real.get('/')).body, '0 words 0');
    for (let release = 1; release <= 20; release++) {
      const tree = await publish(page(release));
      const answer = await real.get(release % 2 === 0 ? '/' : '/index.php');
      assert.deepEqual(
        [answer.body, answer.headers['treecast-tree']],
        [`${release} words ${release}`, tree.tree],
      );
    }
  },
);
