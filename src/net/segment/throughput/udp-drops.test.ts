import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../testing/temporary-directory.ts';
import { udpDrops } from './udp-drops.ts';

test('N72: drops for want of room are read of both families, whatever columns a kernel has; where nothing is told they are none', (t) => {
  const directory = temporaryDirectory(t);
  assert.deepEqual(udpDrops(join(directory, 'none')), { received: 0, sent: 0 });
  writeFileSync(
    join(directory, 'snmp'),
    [
      'Tcp: RtoAlgorithm RcvbufErrors',
      'Tcp: 1 99',
      'Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors',
      'Udp: 100 2 30 400 29 7 1',
      'UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors',
      'UdpLite: 0 0 0 0 88 88',
      '',
    ].join('\n'),
  );
  assert.deepEqual(udpDrops(directory), { received: 29, sent: 7 });
  writeFileSync(
    join(directory, 'snmp6'),
    'Udp6InDatagrams   5\nUdp6RcvbufErrors                \t11\nUdp6SndbufErrors 3\nUdpLite6RcvbufErrors 44\n',
  );
  assert.deepEqual(udpDrops(directory), { received: 40, sent: 10 });
  writeFileSync(join(directory, 'snmp'), 'Udp: a b\nUdp: x');
  assert.deepEqual(udpDrops(directory), { received: 11, sent: 3 });
  assert.ok(udpDrops().received >= 0, 'of this machine');
});
