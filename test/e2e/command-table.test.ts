// N48: every command, against a CCM that runs: its JSON is one document, its exit code says how it went, also for what does not exist and with
// the CCM away. A command that is missing in the table fails the test.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { commands } from '../../src/cli/commands/command-list.ts';
import { createUpFixture, type UpFixture } from './up-fixture.ts';

interface Row {
  /** What succeeds, in this order: later ones use what earlier ones made. */
  readonly good: readonly string[];
  /** The exit code of `good`. */
  readonly code?: number;
  /** What names something that does not exist, or is not there; none when nothing can be missing. */
  readonly unknown?: readonly string[];
  readonly unknownCode?: number;
  readonly unknownError?: string;
}

let up: UpFixture;
before(async () => {
  up = await createUpFixture();
  await up.git('init', '-qb', 'main', up.work);
  for (const text of ['one', 'two', 'three']) {
    await up.commitPage(text);
    await up.git('push', '-q', up.remote(), 'main');
  }
  await writeFile(join(up.home, 'agent.yaml'), 'labels: {zone: a}\n');
  await writeFile(join(up.home, 'bad.yaml'), 'nmae: x\n');
  await writeFile(join(up.home, 'none.assignment'), 'none');
});
after(() => up.close());

const sample = 'sample';
const nothing = 'no-such';

/** By name; the order is that of the runs. */
async function table(): Promise<Readonly<Record<string, Row>>> {
  const [node = ''] = up.up.ready.nodes.map(({ name }) => name);
  const job = await up.cliJson<{ id: string }>('publish', sample, '--wait');
  await up.cliJson('token', 'create', 'spare', '--role', 'viewer');
  await up.cliJson('node', 'join-token', '--segment', 'spare');
  const { tokens } = await up.cliJson<{ tokens: { id: string; name: string }[] }>('token', 'list');
  const token = tokens.find(({ name }) => name === 'spare')?.id ?? '';
  return {
    publish: { good: [sample], unknown: [nothing] },
    rollback: { good: [sample], unknown: [nothing] },
    status: { good: [sample], unknown: [nothing] },
    verify: { good: [sample], unknown: [nothing] },
    'job list': { good: [] },
    'job show': { good: [job.id], unknown: ['j0000000000'] },
    'tree show': { good: [job.id], unknown: ['j0000000000'] },
    'job abort': { good: [job.id], code: 3, unknown: ['j0000000000'] },
    'site add': { good: ['added'], unknown: ['more', '--group', nothing] },
    'site list': { good: [] },
    'site show': { good: ['added'], unknown: [nothing] },
    'site set': { good: ['added', '--branch', 'live'], unknown: [nothing, '--branch', 'live'] },
    'site remove': { good: ['added'], unknown: [nothing] },
    'group add': { good: ['web', '--node', node], unknown: ['more', '--node', nothing] },
    'group list': { good: [] },
    'group show': { good: ['web'], unknown: [nothing] },
    'group set': { good: ['web', '--remove-node', node], unknown: [nothing, '--all'] },
    'group set-order': { good: ['web', node], unknown: ['web', nothing] },
    'group remove': { good: ['web'], unknown: [nothing] },
    'node join-token': { good: ['--segment', 'rack'] },
    'segment list': { good: [] },
    'segment show': { good: ['rack'], unknown: [nothing] },
    'segment assign': { good: ['rack', node], unknown: [nothing, node] },
    'segment set-leader': { good: ['rack', node], unknown: ['rack', nothing] },
    'segment exclude': { good: ['rack', node], unknown: [nothing, node] },
    'segment weigh': { good: ['rack', node, '2'], unknown: [nothing, node, '2'] },
    'segment set-control-channel': {
      good: ['rack', '--multicast', '239.255.84.68:17446'],
      unknown: [nothing, '--unicast', '17446'],
    },
    'segment set-rate': {
      good: ['rack', '--mbit', '200', '--between', '08:00-18:00=50'],
      unknown: [nothing, '--mbit', '200'],
    },
    'segment rename': { good: ['rack', 'row'], unknown: [nothing, 'row'] },
    'segment remove': { good: ['spare'], unknown: [nothing] },
    'node list': { good: [] },
    'node show': { good: [node], unknown: [nothing] },
    'node maintenance': { good: [node, 'off'], unknown: [nothing, 'on'] },
    'balancer show': { good: [sample], unknown: [nothing] },
    'balancer drain': { good: [sample, '--node', node], unknown: [nothing, '--node', node] },
    'balancer restore': { good: [sample, '--node', node], unknown: [nothing, '--node', node] },
    'balancer weigh': {
      good: [sample, '0.5', '--node', node],
      unknown: [nothing, '0.5', '--node', node],
    },
    'node remove': { good: [node], unknown: [nothing] },
    'key list': { good: [] },
    'key rotate': { good: ['content', '--site', sample], unknown: ['content', '--site', nothing] },
    'token create': {
      good: ['more', '--role', 'viewer'],
      unknown: ['x', '--role', 'author', '--site', nothing],
    },
    'token list': { good: [] },
    'token revoke': { good: [token], unknown: ['t-000000000000'] },
    'plugin list': { good: [] },
    'plugin tasks': { good: [] },
    'plugin retry': { good: [nothing], code: 3, unknown: [nothing] },
    'plugin create': { good: ['mine', '--dir', join(up.home, 'mine')] },
    'plugin test': {
      good: [join(up.home, 'mine')],
      unknown: [join(up.home, nothing)],
    },
    doctor: { good: ['--offline'] },
    'simulate election': {
      good: ['--members', '3', '--seeds', '1'],
      unknown: ['--seeds', '1', '--mutate', nothing],
      unknownCode: 2,
      unknownError: 'INVALID_INPUT',
    },
    'simulate mctp': {
      good: ['--receivers', '3', '--seeds', '1'],
      unknown: ['--seeds', '1', '--mutate', nothing],
      unknownCode: 2,
      unknownError: 'INVALID_INPUT',
    },
    'simulate tree': {
      good: ['--leaders', '3', '--seeds', '1', '--first-seed', '3'],
      unknown: ['--seeds', '1', '--mutate', nothing],
      unknownCode: 2,
      unknownError: 'INVALID_INPUT',
    },
    'config check': { good: ['agent.yaml'], unknown: [join(nothing, 'agent.yaml')] },
    'config schema': { good: ['agent'], unknown: [nothing], unknownCode: 2, unknownError: 'INVALID_INPUT' },
    'assignment inspect': { good: ['none.assignment'], code: 1, unknown: ['no-such.assignment'] },
    'ccm init': { good: ['--dir', join(up.home, 'ccm')] },
    'ccm token': {
      good: ['--dir', join(up.home, 'ccm'), '--name', 'again'],
      unknown: ['--dir', join(up.home, nothing)],
    },
    'ccm backup': {
      good: ['--dir', join(up.home, 'ccm'), '--to', join(up.home, 'copy')],
      unknown: ['--dir', join(up.home, nothing), '--to', join(up.home, 'copy-2')],
    },
    'ccm run': { good: ['--dir', join(up.home, nothing)], code: 3 },
    'agent join': { good: ['tcj_none', '--dir', join(up.home, 'agent'), '--name', 'web-9'], code: 3 },
    'agent run': { good: ['--dir', join(up.home, nothing)], code: 3 },
    up: { good: ['--dir', up.directory], code: 3 },
  };
}

interface Document {
  readonly error?: { readonly code: string; readonly message: string };
}

function documentOf(what: string, stdout: string): Document {
  try {
    return JSON.parse(stdout) as Document;
  } catch {
    assert.fail(`${what}: standard output is not one JSON document: ${stdout.slice(0, 300)}`);
  }
}

test('N48 every command: one JSON document, and the exit code of how it went; with the CCM away, 4', async () => {
  const rows = await table();
  assert.deepEqual(Object.keys(rows).sort(), commands.map(({ name }) => name).sort());
  const wrong: string[] = [];
  const expectRun = async (
    argv: readonly string[],
    code: number,
    error: string | undefined,
    env?: NodeJS.ProcessEnv,
  ): Promise<void> => {
    const result = await up.cli([...argv, '--json'], env === undefined ? {} : { env });
    const what = argv.join(' ');
    const found = documentOf(what, result.stdout).error?.code;
    if (result.code !== code) wrong.push(`${what}: ended with ${result.code}, not ${code}: ${result.stderr}`);
    if (code !== 0 && result.stderr === '') wrong.push(`${what}: nothing for people on standard error`);
    if (error !== undefined && found !== error) wrong.push(`${what}: said ${found}, not ${error}`);
  };
  const away = { ...up.env, TREECAST_API: 'http://127.0.0.1:1', TREECAST_TOKEN: `tc_${'x'.repeat(43)}` };
  const stranger = { ...up.env, TREECAST_API: up.up.ready.api, TREECAST_TOKEN: `tc_${'x'.repeat(43)}` };
  for (const [
    name,
    { good, code = 0, unknown, unknownCode = 3, unknownError = 'NOT_FOUND' },
  ] of Object.entries(rows)) {
    const words = name.split(' ');
    const isApi = commands.find((command) => command.name === name)?.kind === 'api' && name !== 'doctor';
    if (isApi) {
      await expectRun([...words, ...good], 4, 'CCM_UNREACHABLE', away);
      // Later ones are RATE_LIMITED.
      await expectRun([...words, ...good], 3, undefined, stranger);
    }
    if (unknown !== undefined) await expectRun([...words, ...unknown], unknownCode, unknownError);
    await expectRun([...words, '--no-such-option'], 2, 'INVALID_INPUT');
    await expectRun([...words, ...good], code, undefined);
  }
  assert.deepEqual(wrong, []);
});
