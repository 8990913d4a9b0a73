import assert from 'node:assert/strict';
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { directorySnapshot, startPlugin, testNeeding } from 'treecast/plugin/testing';
import { sshTarget } from './ssh-target.ts';
import { createSiteThere, note } from './testing/site-there.ts';
import { sshNeeds } from './testing/ssh-server.ts';

testNeeding(
  sshNeeds,
  'what an interrupted transfer left is completed, and nothing else is in the tree',
  async (t) => {
    const { site, plugin, there, switchTo } = await createSiteThere(t, { a: '1', b: 'same' });
    await plugin.run('attach', site.attachEvent());
    const next = await site.stage({ a: '2', b: 'same' });
    const part = there(`trees/1-0002.${next.tree}.part`);
    await mkdir(part);
    await writeFile(join(part, 'junk'), 'junk');
    await writeFile(join(part, 'a'), 'half');
    // Named, but without its id: the server died in between.
    await mkdir(there('trees/1-0002'));
    note(await plugin.run('beforeSwitch', site.beforeSwitchEvent(next)));
    assert.deepEqual(await directorySnapshot(there('trees/1-0002')), await directorySnapshot(next.directory));
    // Somebody changes it before the switch is decided, and the vote is asked for again.
    await writeFile(there('trees/1-0002/a'), 'changed');
    assert.match(note(await plugin.run('beforeSwitch', site.beforeSwitchEvent(next))), /was sent/);
    assert.match(await switchTo(next, 'publish'), /switched/);
    assert.equal(await readFile(there('live/a'), 'utf8'), '2');
  },
);

testNeeding(
  sshNeeds,
  'with compare: checksum, a file changed there behind its size and time is sent again',
  async (t) => {
    for (const compare of ['checksum', 'quick'] as const) {
      const { site, plugin, there, publish } = await createSiteThere(t, { a: '1', b: 'good' }, { compare });
      await plugin.run('attach', site.attachEvent());
      const { mtime } = await stat(there('live/b'));
      await writeFile(there('live/b'), 'evil');
      await utimes(there('live/b'), mtime, mtime);
      await publish({ a: '2', b: 'good' });
      assert.equal(await readFile(there('live/b'), 'utf8'), compare === 'checksum' ? 'good' : 'evil');
    }
  },
);

testNeeding(sshNeeds, 'every way to fail is told in its own words, and nothing is switched', async (t) => {
  const { server, site, plugin, there } = await createSiteThere(t, { a: '1' });
  await plugin.run('attach', site.attachEvent());
  const next = await site.stage({ a: '2' });
  const fails = async (what: RegExp, fix: RegExp): Promise<boolean> => {
    // Its connections are its own: nothing is left of the ones before.
    const own = await startPlugin(sshTarget, { config: server.config });
    try {
      const { error, retryable } = await own.run('beforeSwitch', site.beforeSwitchEvent(next));
      assert.match(error?.message ?? '', what);
      assert.match(error?.fix ?? '', fix);
      assert.equal(await readlink(there('live')), 'trees/1-0001');
      return retryable;
    } finally {
      await own.close();
    }
  };
  const keys = join(server.root, 'authorized_keys');
  const known = join(server.root, 'known_hosts');
  await server.shut();
  assert.equal(await fails(/cannot be reached .*Connection refused/, /SSH port is open/), true);
  await server.open();
  await rename(keys, `${keys}.away`);
  assert.equal(await fails(/the key is refused/, /authorized_keys/), true);
  await rename(`${keys}.away`, keys);
  await rename(there('trees'), there('trees.away'));
  await writeFile(there('trees'), 'a file');
  await fails(/sites cannot be written to/, /own/);
  await rm(there('trees'));
  await rename(there('trees.away'), there('trees'));
  await rename(server.sites, `${server.sites}.away`);
  await mkdir(join(server.root, 'sites.not'), { recursive: true });
  const missing = await plugin.run('beforeSwitch', site.beforeSwitchEvent(next));
  assert.match(missing.error?.message ?? '', /there is no directory .*sites/);
  await rename(`${server.sites}.away`, server.sites);
  const former = await readFile(known, 'utf8');
  await writeFile(known, '');
  assert.equal(await fails(/the host key is not known/, /ssh-keyscan -p \d+ 127\.0\.0\.1/), false);
  await writeFile(known, former);
  await server.changeHostKey();
  assert.equal(
    await fails(/the host key is another one than before; nothing was sent/, /Find out why/),
    false,
  );
});

testNeeding(sshNeeds, 'another publisher in the same place is noticed, not overwritten', async (t) => {
  const { site, plugin, there } = await createSiteThere(t, { a: '1' });
  await plugin.run('attach', site.attachEvent());
  await writeFile(there('ids/1-0001'), `${'f'.repeat(40)}\n`);
  const { error, retryable } = await plugin.run('attach', site.attachEvent());
  assert.match(error?.message ?? '', /has this release’s name, and is not what was sent/);
  assert.equal(retryable, false);
  assert.equal(await readFile(there('live/a'), 'utf8'), '1');
});

testNeeding(sshNeeds, 'a dry run only looks; a key that others may read is refused at start', async (t) => {
  const { server, site, plugin } = await createSiteThere(t, { a: '1' });
  const event = site.beforeSwitchEvent(await site.stage({ a: '2' }));
  assert.match(note(await plugin.run('beforeSwitch', event, { dryRun: true })), /can be reached/);
  assert.deepEqual(await readdir(server.sites), []);
  const key = join(server.root, 'open-key');
  await writeFile(key, 'x', { mode: 0o644 });
  assert.equal((await lstat(key)).mode & 0o044, 0o044);
  await assert.rejects(
    startPlugin(sshTarget, { config: { ...server.config, identityFile: key } }),
    /may be read by others. chmod 600/,
  );
});
