import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSiteOnDisk, startPlugin, testPluginConformance } from 'treecast/plugin/testing';
import { liveNote } from './plugin.ts';

/** A program that writes down what it is told, and can be made to fail or to hang. */
async function createListener() {
  const root = await mkdtemp(join(tmpdir(), 'live-note-'));
  const program = join(root, 'listen');
  await writeFile(
    program,
    `#!/bin/sh\ncase "$(cat ${root}/mood)" in\nbroken) echo out of order >&2; exit 3 ;;\nslow) exec tail -f /dev/null ;;\nesac\ncat >> ${root}/told\n`,
  );
  await chmod(program, 0o755);
  const mood = (word: string) => writeFile(join(root, 'mood'), word);
  await mood('well');
  const told = () => readFile(join(root, 'told'), 'utf8').catch(() => '');
  return { program, mood, told, remove: () => rm(root, { recursive: true, force: true }) };
}

testPluginConformance(liveNote, async () => {
  const listener = await createListener();
  const sites = {
    one: await createSiteOnDisk('one', { 'index.html': 'one' }),
    two: await createSiteOnDisk('two', { 'index.html': 'two' }),
  };
  return {
    config: { tell: [listener.program] },
    wrong: [
      { config: { tell: [], color: 'red' }, problems: [/config\.tell/, /color/] },
      { config: { tell: ['/nowhere/listen'] }, problems: [/\/nowhere\/listen is not installed here/] },
    ],
    events: (name) => ({
      attach: sites[name].attachEvent(),
      afterSwitch: sites[name].switchEvent(sites[name].live()),
      detach: sites[name].attachEvent(),
    }),
    observe: listener.told,
    breakTarget: () => listener.mood('broken'),
    stallTarget: () => listener.mood('slow'),
    mendTarget: () => listener.mood('well'),
    failing: ['attach', 'afterSwitch'],
    async close() {
      await listener.remove();
      await sites.one.remove();
      await sites.two.remove();
    },
  };
});

test('each release is told once, in order', async (t) => {
  const listener = await createListener();
  t.after(() => listener.remove());
  const site = await createSiteOnDisk('docs', { 'index.html': '1' });
  t.after(() => site.remove());
  const plugin = await startPlugin(liveNote, { config: { tell: [listener.program] } });
  t.after(() => plugin.close());
  await plugin.run('attach', site.attachEvent());
  const next = await site.stage({ 'index.html': '2' });
  await site.switchTo(next);
  const first = await plugin.run('afterSwitch', site.switchEvent(next));
  assert.equal(first.answer?.note, 'told 1-0002');
  const again = await plugin.run('afterSwitch', site.switchEvent(next, 'start'));
  assert.equal(again.answer?.note, 'known already');
  const told = (await listener.told()).trim().split('\n');
  assert.deepEqual(
    told.map((line) => (JSON.parse(line) as { release: string }).release),
    ['1-0001', '1-0002'],
  );
});
