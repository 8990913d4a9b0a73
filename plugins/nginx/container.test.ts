// A web server in a mount namespace of its own, as in a container: with the site's directory mounted it sees every switch (N69).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createSiteOnDisk, testNeeding } from 'treecast/plugin/testing';

testNeeding(
  ['root', 'unshare', 'mount'],
  'the parent mounted sees a switch; the link itself mounted does not (N69)',
  async (context) => {
    const site = await createSiteOnDisk('docs', { 'index.html': 'one' });
    context.after(() => site.remove());
    const base = mkdtempSync(join(tmpdir(), 'treecast-container-'));
    context.after(() => rmSync(base, { recursive: true, force: true }));
    const [parent, link] = [join(base, 'site'), join(base, 'www')];
    mkdirSync(parent);
    mkdirSync(link);
    // Mounts as a container runtime does, then answers each line with what both places hold.
    const script = `mount --bind "$1" "$2" && mount --bind "$3" "$4" && while read line; do echo "$(cat "$2/live/index.html") $(cat "$4/index.html")"; done`;
    const inside = spawn(
      'unshare',
      ['-m', 'sh', '-c', script, 'sh', site.directory, parent, site.liveLink, link],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    context.after(() => {
      inside.stdin.end();
    });
    const lines = createInterface({ input: inside.stdout })[Symbol.asyncIterator]();
    const look = async (): Promise<unknown> => {
      inside.stdin.write('\n');
      return (await lines.next()).value;
    };
    assert.equal(await look(), 'one one');
    await site.switchTo(await site.stage({ 'index.html': 'two' }));
    assert.equal(await look(), 'two one');
  },
);
