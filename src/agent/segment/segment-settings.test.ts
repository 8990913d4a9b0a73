// What agent.yaml may say of a node's segment, and what becomes of it beside the CCM's word.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultControlChannel } from '../../model/segment.ts';
import { segmentTimings } from '../../protocol/segment/timing.ts';
import { channelOf, peersOf, segmentSettingsSchema, timingOf } from './segment-settings.ts';

const settings = (input: object) => segmentSettingsSchema.parse(input);

test('CHAN-21: right and wrong settings', () => {
  const right = [
    {},
    {
      interface: 'eth1',
      transport: 'unicast',
      peers: ['10.0.0.7', '10.0.0.8:17448', '2001:db8::7', '[fe80::1%eth0]:17447'],
    },
    {
      group: 'ff15::1',
      port: 17_000,
      lead: 'never',
      preset: 'classic',
      timers: { reportMs: 120_000 },
      location: 'row 5',
    },
  ];
  for (const input of right) assert.doesNotThrow(() => settings(input));
  const wrong = [
    { group: '10.0.0.1' },
    { port: 0 },
    { port: 65_530 },
    { peers: ['web-2.example.org'] },
    { peers: ['10.0.0.7:0'] },
    { peers: ['10.0.0.7:99999'] },
    { peers: ['10.0.0.999'] },
    { lead: 'preassigned' },
    { timers: { aliveMs: 1 } },
    { timers: { lostMs: 600 } },
    { timers: { nonsense: 1 } },
    { transport: 'tcp' },
    { unknown: 1 },
  ];
  for (const input of wrong)
    assert.equal(segmentSettingsSchema.safeParse(input).success, false, JSON.stringify(input));
});

test('CHAN-21: the file overrides the CCM, single timers too; what does not fit together is the preset', () => {
  const said = { preset: 'fast', timers: { reportMs: 20_000 } } as const;
  assert.deepEqual(timingOf(settings({}), said), { ...segmentTimings.fast, reportMs: 20_000 });
  assert.deepEqual(timingOf(settings({ preset: 'classic' }), said), segmentTimings.classic);
  assert.deepEqual(timingOf(settings({ timers: { reportMs: 5_000 } }), said), {
    ...segmentTimings.fast,
    reportMs: 5_000,
  });
  const unfit = timingOf(settings({ timers: { aliveMs: 600 } }), {
    preset: 'fast',
    timers: { triggerMinMs: 1_500 },
  });
  assert.deepEqual(unfit, segmentTimings.fast);
  assert.deepEqual(channelOf(settings({}), defaultControlChannel), defaultControlChannel);
  assert.deepEqual(channelOf(settings({ group: '239.1.1.1', port: 9 }), defaultControlChannel), {
    transport: 'multicast',
    group: '239.1.1.1',
    port: 9,
  });
  const unicast = { transport: 'unicast', group: null, port: 7 } as const;
  assert.deepEqual(channelOf(settings({ group: '239.1.1.1' }), unicast), unicast);
});

test('CHAN-13: a peer without a port is expected on the first behind the group’s', () => {
  const { peers } = { peers: peersOf(settings({ peers: ['10.0.0.7', '[2001:db8::7]:9'] }), 17_446) };
  assert.deepEqual(peers, [
    { node: null, address: '10.0.0.7', port: 17_447 },
    { node: null, address: '2001:db8::7', port: 9 },
  ]);
});
