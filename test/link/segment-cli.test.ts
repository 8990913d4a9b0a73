// Every segment command in this process, against a whole CCM with nodes on real links: what it prints, changes, refuses, and whom it has told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestCli } from '../../src/cli/testing/run-cli.ts';
import type { GroupResource, NodeResource, SegmentResource } from '../../src/model/api.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { segmentCcm } from './segment-ccm.ts';

test('R10.2 R5.6: segments are listed, shown, asked, renamed, led by whom the operator wants, moved and removed', async (t) => {
  const { ccm, client, token, connect } = await segmentCcm(t);
  const cli = createTestCli(t);
  Object.assign(cli.env, { TREECAST_API: ccm.api, TREECAST_TOKEN: token });
  const text = async (...argv: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli.run(argv);
    assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
    return stdout;
  };
  const json = async <T>(...argv: string[]): Promise<T> => JSON.parse(await text(...argv, '--json')) as T;
  const refused = async (code: string, ...argv: string[]): Promise<void> => {
    const result = await cli.run([...argv, '--json']);
    assert.equal(
      result.json()['error'] && (result.json()['error'] as { code: string }).code,
      code,
      argv.join(' '),
    );
    assert.notEqual(result.code, 0);
  };

  assert.match(await text('segment', 'list'), /no segments yet/);
  const [web1, web2] = [await connect('web1'), await connect('web2')];
  assert.match(await text('node', 'list'), /web1 +connected, new +–/);
  web2.state({ leader: 'web1', state: 'known', priorityTerms: { cpu: 12.5 } });
  web1.report(['web2']);
  await web2.until('segment', ({ others }) => others === 1);
  const { segments } = await json<{ segments: SegmentResource[] }>('segment', 'list');
  const name = segments[0]?.name ?? '';
  assert.equal(segments[0]?.leader?.node, 'web1');
  assert.equal((await json<SegmentResource>('segment', 'rename', name, 'rack-5')).name, 'rack-5');
  await web2.until('segment', (told) => told.name === 'rack-5');
  await refused('NOT_FOUND', 'segment', 'show', name);
  assert.match(await text('segment', 'list'), /rack-5 +web1 +1 +2 of 2/);
  assert.match(await text('status'), /new nodes: web1, web2/);
  assert.match(await text('status'), /rack-5 +web1 +2 of 2/);
  assert.match(await text('node', 'show', 'web2'), /election +known, term 1, leader web1[\s\S]*cpu 12\.5/);
  assert.match(await text('doctor'), /1 segment with a leader/);

  const asked = text('segment', 'show', 'rack-5', '--ask');
  await web1.until('segmentAsked');
  web1.report(['web2'], { triggers: ['operator'], location: 'row 5' });
  assert.match(await asked, /location +row 5/);

  await text('segment', 'set-leader', 'rack-5', 'web2');
  await web2.until('segment', ({ role }) => role === 'preassigned');
  await web1.until('segmentResign');
  await text('segment', 'set-leader', 'rack-5', '--none');
  await web2.until('segment', ({ role }) => role === 'allowed');
  await text('segment', 'exclude', 'rack-5', 'web1');
  await web1.until('segment', ({ role }) => role === 'never');
  await text('segment', 'exclude', 'rack-5', 'web1', '--off');
  await text('segment', 'weigh', 'rack-5', 'web1', '2.5');
  await web1.until('segment', ({ role, factor }) => role === 'allowed' && factor === 2.5);
  await text('segment', 'set-control-channel', 'rack-5', '--multicast', '[ff15::7]:5000');
  await web1.until('segment', ({ channel }) => channel.group === 'ff15::7' && channel.port === 5_000);
  await text('segment', 'set-control-channel', 'rack-5', '--unicast', '5001');
  await web1.until('segment', ({ channel }) => channel.transport === 'unicast');
  const wrongChannels = [
    [],
    ['--unicast', '0'],
    ['--multicast', '10.0.0.1:5000'],
    ['--multicast', 'x'],
    ['--unicast', '1', '--multicast', '239.1.1.1:1'],
  ];
  for (const wrong of wrongChannels)
    await refused('INVALID_INPUT', 'segment', 'set-control-channel', 'rack-5', ...wrong);

  const rate = { mbit: 200, hours: [{ from: '22:00', to: '06:00', mbit: null }] };
  assert.deepEqual(
    (
      await json<SegmentResource>(
        'segment',
        'set-rate',
        'rack-5',
        '--mbit',
        '200',
        '--between',
        '22:00-06:00=off',
      )
    ).rate,
    rate,
  );
  const wan = await json<SegmentResource>('segment', 'set-rate', 'rack-5', '--wan', '--mbit', '20');
  assert.deepEqual([wan.wanRate, wan.rate], [{ mbit: 20, hours: [] }, rate]);
  const wrongRates = [
    ['--wan'],
    [],
    ['--mbit', '0'],
    ['--mbit', 'fast'],
    ['--mbit', '-5'],
    ['--between', '25:00-06:00=5'],
    ['--between', '06:00-06:00=5'],
    ['--between', '06:00-07:00=x'],
    ['--between', 'night=5'],
  ];
  for (const wrong of wrongRates) await refused('INVALID_INPUT', 'segment', 'set-rate', 'rack-5', ...wrong);
  assert.deepEqual(
    (await json<SegmentResource>('segment', 'show', 'rack-5')).rate,
    rate,
    'what was refused changed nothing',
  );
  assert.equal((await json<SegmentResource>('segment', 'set-rate', 'rack-5', '--mbit', 'off')).rate, null);

  const ordered = await json<GroupResource>('group', 'set-order', 'all', 'rack-5', 'web2');
  assert.deepEqual(ordered.order, ['rack-5', 'web2']);
  assert.match(await text('group', 'show', 'all'), /leaders first +rack-5, web2/);
  await refused('INVALID_INPUT', 'group', 'set-order', 'all', 'rack-5', 'web2', 'rack-5');
  await refused('NOT_FOUND', 'group', 'set-order', 'all', 'rack-9');
  await refused('NOT_FOUND', 'group', 'set-order', 'none', 'rack-5');
  assert.deepEqual((await json<GroupResource>('group', 'set-order', 'all')).order, []);

  await json('node', 'join-token', '--segment', 'rack-6');
  for (const command of ['set-leader', 'exclude'])
    await refused('CONFLICT', 'segment', command, 'rack-6', 'web1');
  await refused('CONFLICT', 'segment', 'weigh', 'rack-6', 'web1', '2');
  await refused('INVALID_INPUT', 'segment', 'weigh', 'rack-5', 'web1', '101');
  await refused('CONFLICT', 'segment', 'remove', 'rack-5');
  await refused('ALREADY_EXISTS', 'segment', 'rename', 'rack-5', 'rack-6');
  assert.deepEqual(
    (await json<SegmentResource>('segment', 'assign', 'rack-6', 'web1')).members.map(({ node }) => node),
    ['web1'],
  );
  await web1.until('segment', (told) => told.name === 'rack-6');
  assert.equal((await json<NodeResource>('node', 'show', 'web1')).segment, 'rack-6');
  assert.match(await text('segment', 'show', 'rack-5'), /leader +none; before: web1, term 1/);
  await json('segment', 'assign', 'rack-6', 'web2');
  assert.deepEqual(await json('segment', 'remove', 'rack-5'), { removed: 'rack-5' });

  const { token: authors } = await client.tokens.create({ name: 'anna', roles: ['author'] });
  const seen = await cli.run(['status', '--json'], { env: { ...cli.env, TREECAST_TOKEN: authors } });
  assert.deepEqual([seen.code, seen.json()], [0, { sites: [] }], 'an author sees sites alone');

  await client.groups.create({ name: 'web', nodes: ['web1'] });
  await until('web1 is no longer new', async () => !(await client.nodes.get('web1')).isNew);
  assert.match(await text('status'), /new nodes: web2;/);
});
