import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import {
  agentConfigurationPath,
  agentConfigurationSchema,
  readAgentConfiguration,
  writeAgentConfiguration,
} from './agent-configuration.ts';

test('without a file, and with an empty one, an agent has the defaults', async (t) => {
  const directory = temporaryDirectory(t);
  const defaults = {
    labels: {},
    serve: 'off',
    niceness: 10,
    scrub: { bytesPerSecond: 4_194_304, everySeconds: 3_600 },
    segment: { transport: 'auto', peers: [], lead: 'allowed', timers: {} },
    tree: { order: 'together' },
    plugins: [],
    log: { level: 'info' },
  };
  assert.deepEqual(await readAgentConfiguration(directory), defaults);
  writeFileSync(agentConfigurationPath(directory), '');
  assert.deepEqual(await readAgentConfiguration(directory), defaults);
});

test('what is written is read back', async (t) => {
  const directory = temporaryDirectory(t);
  const configuration = {
    name: 'web-1',
    ccm: 'https://[::1]:7443',
    labels: { zone: 'a' },
    serve: { listen: '[::1]:0', site: 'sample', url: 'https://www.example' },
    root: '/srv/www',
    niceness: 0,
    scrub: 'off' as const,
    segment: 'off' as const,
    tree: { order: 'segment' as const },
    plugins: [{ use: './own.ts', sites: ['docs'], timeouts: { probe: 5 }, config: { port: 1 } }],
    log: { level: 'debug' as const },
  };
  await writeAgentConfiguration(directory, configuration);
  assert.deepEqual(await readAgentConfiguration(directory), configuration);
});

test('every problem is reported together, with its line', async (t) => {
  const directory = temporaryDirectory(t);
  const text = [
    'nmae: web-1',
    'name: Web 1',
    'ccm: http://ccm.example',
    'labels: {zone: 1}',
    'serve: {listen: "80"}',
    'root: relative',
    'log: {level: loud}',
  ];
  writeFileSync(agentConfigurationPath(directory), text.join('\n'));
  await assert.rejects(readAgentConfiguration(directory), (error: unknown) => {
    const { code, data } = error as { code: string; data: { problems: { line: number }[] } };
    assert.equal(code, 'INVALID_CONFIGURATION');
    const lines = new Set(data.problems.map(({ line }) => line));
    assert.deepEqual([...lines], [1, 2, 3, 4, 5, 6, 7]);
    return true;
  });
});

test('what could not be read is not written', async (t) => {
  const directory = temporaryDirectory(t);
  await assert.rejects(writeAgentConfiguration(directory, { serve: { listen: 'nowhere' } }), {
    code: 'INVALID_CONFIGURATION',
  });
  assert.equal((await readAgentConfiguration(directory)).serve, 'off');
});

test('the schema can be published as JSON Schema', () => {
  const published = z.toJSONSchema(agentConfigurationSchema, { io: 'input' });
  assert.deepEqual(Object.keys(published.properties ?? {}), [
    'name',
    'ccm',
    'labels',
    'serve',
    'root',
    'niceness',
    'scrub',
    'segment',
    'tree',
    'plugins',
    'log',
  ]);
  assert.equal(published.additionalProperties, false);
});
