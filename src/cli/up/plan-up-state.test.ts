import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { planUpState } from './plan-up-state.ts';
import { upHost, writeUpState } from './up-state.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-plan-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A port that is in use until the test ends. */
async function takenPort(t: TestContext): Promise<number> {
  const server = createServer();
  server.listen(0, upHost);
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('ports and number of agents are those of the last start; more agents come after them', async (t) => {
  const directory = temporaryDirectory(t);
  const wishes = { directory, agents: undefined, port: 0, note: () => assert.fail('nothing to remark') };
  const first = await planUpState(wishes);
  assert.deepEqual(
    first.nodes.map(({ name }) => name),
    ['node1', 'node2', 'node3'],
  );
  const ports = [first.port, first.agentPort, ...first.nodes.map(({ port }) => port)];
  assert.equal(new Set(ports).size, 5);
  await writeUpState(directory, first);
  assert.deepEqual(await planUpState(wishes), first);
  const fewer = await planUpState({ ...wishes, agents: 1 });
  assert.deepEqual(fewer, { ...first, agents: 1 });
  await writeUpState(directory, fewer);
  const more = await planUpState({ ...wishes, agents: 4 });
  assert.deepEqual(more.nodes.slice(0, 3), first.nodes);
  assert.equal(more.nodes.length, 4);
});

test('a port that was asked for and is in use is refused; a remembered one is replaced, with a remark', async (t) => {
  const directory = temporaryDirectory(t);
  const taken = await takenPort(t);
  const remarks: string[] = [];
  const wishes = { directory, agents: 1, port: undefined, note: (line: string) => remarks.push(line) };
  await assert.rejects(planUpState({ ...wishes, port: taken }), { code: 'CONFLICT' });
  const state = await planUpState({ ...wishes, port: 0 });
  await writeUpState(directory, { ...state, port: taken });
  const planned = await planUpState(wishes);
  assert.notEqual(planned.port, taken);
  assert.equal(remarks.length, 1);
  assert.match(remarks[0] ?? '', new RegExp(`Port ${taken} is in use`));
});
