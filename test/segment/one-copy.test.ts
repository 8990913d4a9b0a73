// Six nodes behind a leader: what is published leaves the CCM once and is live everywhere, each node once; a node in maintenance, a rollback, an
// autonomous site, and a CCM that is killed in mid-publish are as they are without leaders.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { openBehindLan } from './behind-lan.ts';

const megabyte = 1024 * 1024;

testNeeding(
  ['netns', 'git'],
  'R7 N73 LEAD-4 LEAD-6 JOB-9 JOB-11 JOB-13 JOB-17: one copy leaves the CCM for six nodes behind their leader; maintenance, rollback, an autonomous site, and the CCM killed in mid-publish',
  async (t) => {
    const lab = await openBehindLan(t, 6);
    const { client, site } = lab.fleet;
    const leader = await lab.allBehind();
    await lab.moved();
    await lab.allBehind();

    await lab.publish({ 'index.html': 'one\n' });
    const small = lab.names.map(lab.release);
    assert.equal(new Set(small).size, 1, small.join(' '));
    const before = await lab.ccmSent();
    const large = await lab.publish({ 'large.bin': randomBytes(6 * megabyte) });
    const sent = (await lab.ccmSent()) - before;
    assert.ok(sent > 6 * megabyte && sent < 1.3 * 6 * megabyte, `the CCM sent ${sent} bytes`);
    assert.equal(await lab.allBehind(), leader, 'nobody left it');
    const [segment] = await client.segments.list();
    assert.deepEqual(segment?.problems, []);
    assert.deepEqual(
      segment?.rounds.filter(({ missing, working }) => missing.length > 0 || working.length > 0),
      [],
    );
    const once = (await lab.events()).map(({ kind }) => kind);
    assert.equal(once.filter((kind) => kind === 'job.started').length, 2);
    assert.ok(!once.includes('node.synchronized'));

    const away = lab.names.find((name) => name !== leader) as string;
    await client.nodes.update(away, { maintenance: true });
    const others = lab.names.filter((name) => name !== away);
    const without = await lab.publish({ 'index.html': 'two\n' }, others);
    const row = (await lab.fleet.verify()).nodes.find(({ name }) => name === away);
    assert.notEqual(row?.tree, without);
    await client.nodes.update(away, { maintenance: false });
    await lab.live(without);

    const idle = await lab.ccmSent();
    await client.sites.rollback(site);
    await lab.live(large);
    const rolledBack = (await lab.ccmSent()) - idle;
    assert.ok(rolledBack < megabyte, `a rollback took ${rolledBack} bytes`);

    await client.sites.update(site, { policy: { autonomous: true } });
    await lab.allBehind();
    await lab.publish({ 'index.html': 'three\n', 'more.bin': randomBytes(megabyte) });

    await client.sites.update(site, { policy: { autonomous: false } });
    await lab.allBehind();
    const held = join(lab.home, await lab.allBehind(), 'relay');
    const contents = (): string[] => (existsSync(held) ? readdirSync(held) : []);
    const former = new Set(contents());
    const last = await lab.commit({ 'last.bin': randomBytes(6 * megabyte) });
    const pushed = lab.push();
    await until('the leader fetches it', () => contents().some((name) => !former.has(name)), 45_000);
    await lab.fleet.restartCcm('SIGKILL');
    await pushed;
    await lab.live(last);
    await lab.allBehind();
  },
);
