import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { testNeeding } from 'treecast/plugin/testing';

const run = promisify(execFile);

testNeeding(
  ['haproxy'],
  'the haproxy.cfg of the README, with either check, is one that HAProxy takes',
  async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const snippet = /```\n(# haproxy\.cfg[^`]*)```/.exec(readme)?.[1];
    const stricter = /`(http-check expect hdr [^`]*)`/.exec(readme)?.[1];
    assert.ok(snippet !== undefined && stricter !== undefined);
    const directory = await mkdtemp(join(tmpdir(), 'treecast-readme-'));
    try {
      const file = join(directory, 'haproxy.cfg');
      const rest =
        'defaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s\nfrontend front\n  bind 127.0.0.1:1\n  default_backend docs\n';
      for (const text of [snippet, snippet.replace('http-check expect status 200', stricter)]) {
        // The users of the socket need not be on this machine.
        const here = text.replace('user haproxy group treecast ', '').replace('/run/haproxy', directory);
        await writeFile(file, here.replace('\nbackend docs', `\n${rest}\nbackend docs`));
        const { stdout } = await run('haproxy', ['-c', '-f', file], {
          env: { PATH: `${process.env['PATH']}:/usr/sbin` },
        });
        assert.match(stdout, /Configuration file is valid/);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
