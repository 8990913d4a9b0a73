// N65: clocks that are wrong by days, and that step while everything runs; certificates near, at and after their end. The clocks are libfaketime's.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Machine, type Machines, startMachines } from './support/separate-machines.ts';

let machines: Machines;

before(async () => {
  machines = await startMachines();
});
after(() => machines.close());

/** A process's clock, days from the true one. The library reads the file at each call. */
function clockOf(name: string, days: number): NodeJS.ProcessEnv {
  const file = join(machines.directory, `${name}.clock`);
  setClock(name, days);
  return {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

function setClock(name: string, days: number): void {
  writeFileSync(join(machines.directory, `${name}.clock`), `${days < 0 ? '' : '+'}${days * 86_400}\n`);
}

const certificate = ({ directory }: Machine): string =>
  (JSON.parse(readFileSync(join(directory, 'identity', 'node.json'), 'utf8')) as { certificate: string })
    .certificate;

async function connected(name: string): Promise<void> {
  await until(
    `${name} is connected`,
    async () => (await machines.client().nodes.get(name)).connected,
    30_000,
  );
}

/** More than rides inside a message, so that nodes fetch it with a ticket. */
const largePage = () => randomBytes(150_000).toString('base64');

testNeeding(
  ['faketime'],
  'N65 KEYS-12: agents whose clocks are days slow or fast, and step while they run, join, publish and fetch; none renews for it',
  async () => {
    const slow = await machines.join('slow');
    const fast = await machines.join('fast');
    const certificates = [slow, fast].map(certificate);
    await slow.start(clockOf('slow', -6));
    await fast.start(clockOf('fast', 65));
    const first = await machines.push(largePage());
    for (const node of ['slow', 'fast']) await machines.untilLive(node, first);
    setClock('slow', 20);
    setClock('fast', -6);
    const second = await machines.push(largePage());
    for (const node of ['slow', 'fast']) await machines.untilLive(node, second);
    await machines.assertVerified(second, ['fast', 'slow']);
    assert.deepEqual([slow, fast].map(certificate), certificates, 'renewal goes by the CCM’s time');
    assert.match(slow.log(), /more than a minute apart/);
    await slow.end();
    await fast.end();
    for (const node of ['slow', 'fast']) await machines.client().nodes.remove(node);
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-12: a CCM whose clock steps by days in the middle goes on: links, tickets, decisions, new nodes',
  async () => {
    await machines.ccm.end();
    await machines.ccm.start(clockOf('ccm', 0));
    const web = await machines.join('web1');
    await web.start();
    for (const days of [5, -5]) {
      setClock('ccm', days);
      const tree = await machines.push(largePage());
      await machines.untilLive('web1', tree);
      const late = await machines.join(`late${days}`.replace('-', '.'));
      await late.start();
      await machines.untilLive(`late${days}`.replace('-', '.'), tree);
      await late.end();
      await machines.client().nodes.remove(`late${days}`.replace('-', '.'));
    }
    await web.end();
    await machines.client().nodes.remove('web1');
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-3 KEYS-5: certificates renew before their end, for ninety days after it, and not later; then the node is told what to do',
  async () => {
    const web = await machines.join('web2');
    const first = certificate(web);
    await machines.ccm.end();
    await machines.ccm.start(clockOf('ccm', 61));
    await web.start(clockOf('web2', 61));
    await until('it has renewed', () => certificate(web) !== first);
    await connected('web2');
    await web.end();
    const second = certificate(web);
    await machines.ccm.end();
    // Its second certificate ended five days ago.
    await machines.ccm.start(clockOf('ccm', 61 + 95));
    await web.start(clockOf('web2', 61 + 95));
    await connected('web2');
    assert.notEqual(certificate(web), second);
    await web.end();
    await machines.ccm.end();
    await machines.ccm.start(clockOf('ccm', 61 + 95 + 90 + 91));
    await web.start(clockOf('web2', 61 + 95 + 90 + 91));
    await until('it was told', () => /expired too long ago/.test(web.log()));
    await web.end();
    await machines.client().nodes.remove('web2');
    await machines.ccm.end();
    await machines.ccm.start();
  },
);

testNeeding(
  ['faketime'],
  'N65 KEYS-12: an agent whose clock is before the CA was made says how far the two clocks are apart',
  async () => {
    const lost = await machines.join('lost');
    await lost.start(clockOf('lost', -400));
    await until('it says so', () => /400\.\d days apart|-400\.\d days apart/.test(lost.log()), 30_000);
    setClock('lost', 0);
    await connected('lost');
    await lost.end();
  },
);
