// N65: clocks that are wrong by days, and that step while everything runs; certificates near, at and after their end. The clocks are libfaketime's.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import type { Machine } from './support/machine.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;

before(async () => {
  fleet = await createSeparateFleet();
  await fleet.ccm.start();
  await fleet.client().sites.create({ name: 'docs' });
});
after(() => fleet.close());

/** A process's clock, days from the true one. The library reads the file at each call. */
function clockOf(name: string, days: number): NodeJS.ProcessEnv {
  const file = join(fleet.directory, `${name}.clock`);
  setClock(name, days);
  return {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

function setClock(name: string, days: number): void {
  writeFileSync(join(fleet.directory, `${name}.clock`), `${days < 0 ? '' : '+'}${days * 86_400}\n`);
}

const certificate = ({ directory }: Machine): string =>
  (JSON.parse(readFileSync(join(directory, 'identity', 'node.json'), 'utf8')) as { certificate: string })
    .certificate;

async function connected(name: string): Promise<void> {
  await until(`${name} is connected`, async () => (await fleet.client().nodes.get(name)).connected, 30_000);
}

/** More than rides inside a message, so that nodes fetch it with a ticket. */
const largePage = () => randomBytes(150_000).toString('base64');

testNeeding(
  ['faketime'],
  'N65 KEYS-12: agents whose clocks are days slow or fast, and step while they run, join, publish and fetch; none renews for it',
  async () => {
    const slow = await fleet.join('slow');
    const fast = await fleet.join('fast');
    const certificates = [slow, fast].map(certificate);
    await slow.start(clockOf('slow', -6));
    await fast.start(clockOf('fast', 65));
    const first = await fleet.pushed('docs', largePage());
    for (const node of ['slow', 'fast']) await fleet.untilLive(node, first);
    setClock('slow', 20);
    setClock('fast', -6);
    const second = await fleet.pushed('docs', largePage());
    for (const node of ['slow', 'fast']) await fleet.untilLive(node, second);
    await fleet.assertVerified(second, ['fast', 'slow']);
    assert.deepEqual([slow, fast].map(certificate), certificates, 'renewal goes by the CCM’s time');
    assert.match(slow.log(), /more than a minute apart/);
    await slow.end();
    await fast.end();
    for (const node of ['slow', 'fast']) await fleet.client().nodes.remove(node);
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-12: a CCM whose clock steps by days in the middle goes on: links, tickets, decisions, new nodes',
  async () => {
    await fleet.ccm.end();
    await fleet.ccm.start(clockOf('ccm', 0));
    const web = await fleet.join('web1');
    await web.start();
    for (const days of [5, -5]) {
      setClock('ccm', days);
      const tree = await fleet.pushed('docs', largePage());
      await fleet.untilLive('web1', tree);
      const late = await fleet.join(`late${days}`.replace('-', '.'));
      await late.start();
      await fleet.untilLive(`late${days}`.replace('-', '.'), tree);
      await late.end();
      await fleet.client().nodes.remove(`late${days}`.replace('-', '.'));
    }
    await web.end();
    await fleet.client().nodes.remove('web1');
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-3 KEYS-5: certificates renew before their end, for ninety days after it, and not later; then the node is told what to do',
  async () => {
    const web = await fleet.join('web2');
    const first = certificate(web);
    await fleet.ccm.end();
    await fleet.ccm.start(clockOf('ccm', 61));
    await web.start(clockOf('web2', 61));
    await until('it has renewed', () => certificate(web) !== first);
    await connected('web2');
    await web.end();
    const second = certificate(web);
    await fleet.ccm.end();
    // Its second certificate ended five days ago.
    await fleet.ccm.start(clockOf('ccm', 61 + 95));
    await web.start(clockOf('web2', 61 + 95));
    await connected('web2');
    assert.notEqual(certificate(web), second);
    await web.end();
    await fleet.ccm.end();
    await fleet.ccm.start(clockOf('ccm', 61 + 95 + 90 + 91));
    await web.start(clockOf('web2', 61 + 95 + 90 + 91));
    await until('it was told', () => /expired too long ago/.test(web.log()));
    await web.end();
    await fleet.client().nodes.remove('web2');
    await fleet.ccm.end();
    await fleet.ccm.start();
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-12: an agent whose clock is before the CA was made says how far the two clocks are apart',
  async () => {
    const lost = await fleet.join('lost');
    await lost.start(clockOf('lost', -400));
    await until('it says so', () => /400\.\d days apart|-400\.\d days apart/.test(lost.log()), 30_000);
    setClock('lost', 0);
    await connected('lost');
    await lost.end();
  },
);
