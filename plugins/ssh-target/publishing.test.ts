import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { directorySnapshot, testNeeding } from 'treecast/plugin/testing';
import { createSiteThere, note } from './testing/site-there.ts';
import { sshNeeds } from './testing/ssh-server.ts';

const odd = {
  'index.html': '<h1>1</h1>',
  'a b/it\'s "quoted" $(touch x) `id`;.txt': 'odd',
  '-rf': 'dash',
  'ünïcode/☃': 'snow',
  'line\nbreak': 'two lines',
};

testNeeding(
  sshNeeds,
  'R8.6: the other server has each release, switched in one step, links for what is unchanged',
  async (t) => {
    const { server, site, plugin, there, publish } = await createSiteThere(t, odd);
    assert.match(note(await plugin.run('attach', site.attachEvent())), /has 1-0001, which was sent/);
    assert.equal(await readlink(there('live')), 'trees/1-0001');
    assert.match(note(await plugin.run('attach', site.attachEvent())), /has 1-0001$/);

    const next = await site.stage({ ...odd, 'index.html': '<h1>2</h1>' });
    await symlink('index.html', join(next.directory, 'link'));
    const event = site.beforeSwitchEvent(next);
    await event.writeTwin('index.html', '.gz', Buffer.from('packed'));
    assert.match(note(await plugin.run('beforeSwitch', event)), /was sent 1-0002/);
    assert.equal(await readFile(there('live/index.html'), 'utf8'), '<h1>1</h1>');
    assert.deepEqual(await directorySnapshot(there('trees/1-0002')), await directorySnapshot(next.directory));

    await site.switchTo(next);
    assert.match(note(await plugin.run('switch', site.switchEvent(next))), /switched to 1-0002$/);
    assert.equal(await readFile(there('live/index.html'), 'utf8'), '<h1>2</h1>');
    for (const path of Object.keys(odd)) {
      const [old, fresh] = [
        await stat(there(join('trees/1-0001', path))),
        await stat(there(join('live', path))),
      ];
      assert.equal(old.ino === fresh.ino, path !== 'index.html', path);
      assert.equal(fresh.mtimeMs, (await stat(join(next.directory, path))).mtimeMs);
    }
    await publish(odd);
    assert.deepEqual(
      Object.keys((await directorySnapshot(there('live'))) ?? {}).sort(),
      Object.keys((await directorySnapshot(site.live().directory)) ?? {}).sort(),
    );
    assert.deepEqual((await readdir(server.sites)).sort(), ['docs']);
  },
);

testNeeding(
  sshNeeds,
  'a rollback needs no transfer while the tree is there, and is sent otherwise',
  async (t) => {
    const { site, plugin, there, publish, switchTo } = await createSiteThere(t, { a: '1' });
    await plugin.run('attach', site.attachEvent());
    const first = site.live();
    await publish({ a: '2' });
    assert.match(await switchTo(first, 'rollback'), /switched to 1-0001$/);
    assert.equal(await readFile(there('live/a'), 'utf8'), '1');
    // As a node does it: what is returned to counts as a new release.
    const second = { ...first, release: '1-0009' };
    await publish({ a: '3' });
    assert.match(await switchTo(second, 'rollback'), /switched to 1-0009$/);
    assert.equal(await readlink(there('live')), 'trees/1-0009');
    assert.equal(await readFile(there('live/a'), 'utf8'), '1');
    assert.deepEqual((await readdir(there('trees'))).sort(), (await readdir(there('ids'))).sort());
    await publish({ a: '4' });
    await rm(there('trees/1-0009'), { recursive: true });
    assert.match(await switchTo(second, 'rollback'), /switched to 1-0009, which was sent/);
    assert.equal(await readFile(there('live/a'), 'utf8'), '1');
  },
);

testNeeding(
  sshNeeds,
  'the last three trees are kept there, the live one and the one before it among them',
  async (t) => {
    const { site, plugin, there, publish, switchTo } = await createSiteThere(t, { a: '1' });
    await plugin.run('attach', site.attachEvent());
    const first = site.live();
    for (const a of ['2', '3']) await publish({ a });
    // Removed by hand: its id is left over, and must not keep the others from being removed.
    await rm(there('trees/1-0001'), { recursive: true });
    await publish({ a: '4' });
    assert.deepEqual((await readdir(there('trees'))).sort(), ['1-0002', '1-0003', '1-0004']);
    await switchTo(first, 'rollback');
    assert.deepEqual((await readdir(there('trees'))).sort(), ['1-0001', '1-0003', '1-0004']);
    assert.deepEqual((await readdir(there('ids'))).sort(), ['1-0001', '1-0003', '1-0004']);
  },
);

testNeeding(sshNeeds, 'a release given up is removed there, a live one never', async (t) => {
  const { site, plugin, there } = await createSiteThere(t, { a: '1' });
  await plugin.run('attach', site.attachEvent());
  const next = await site.stage({ a: '2' });
  note(await plugin.run('beforeSwitch', site.beforeSwitchEvent(next)));
  await mkdir(there(`trees/1-0002.${'a'.repeat(40)}.part`));
  note(await plugin.run('abandon', site.abandonEvent(next)));
  assert.deepEqual(await readdir(there('trees')), ['1-0001']);
  note(await plugin.run('abandon', site.abandonEvent(site.live())));
  assert.equal(await readFile(there('live/a'), 'utf8'), '1');
});

testNeeding(
  sshNeeds,
  'a site that is taken from the node stays there, or goes with removeOnDetach',
  async (t) => {
    const kept = await createSiteThere(t, { a: '1' });
    await kept.plugin.run('attach', kept.site.attachEvent());
    assert.match(note(await kept.plugin.run('detach', kept.site.attachEvent())), /left as it is/);
    assert.equal(await readFile(kept.there('live/a'), 'utf8'), '1');
    const gone = await createSiteThere(t, { a: '1' }, { removeOnDetach: true });
    await gone.plugin.run('attach', gone.site.attachEvent());
    await writeFile(join(gone.server.sites, 'other'), 'of somebody else');
    assert.match(note(await gone.plugin.run('detach', gone.site.attachEvent())), /was removed/);
    assert.deepEqual(await readdir(gone.server.sites), ['other']);
  },
);
