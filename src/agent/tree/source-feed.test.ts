// What one source gives over a connection that is cut.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { steadyClock } from '../../net/clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { until } from '../../plugins/testing/until.ts';
import type { BlockIntake } from '../leader/content-supply.ts';
import { kitAssignment, kitTicket, runKitCcm } from '../leader/testing/kit-ccm.ts';
import { createSourceFeed } from './source-feed.ts';
import { createSourceLines } from './source-lines.ts';
import { runScriptedSource } from './testing/scripted-source.ts';

test('TREE-46: a far source whose four connections are cut at once is tried again', async (t) => {
  const ccm = await runKitCcm(t);
  const assignment = kitAssignment(2_000_000);
  const source = await runScriptedSource(t, ccm, 'gl-1', assignment, { gives: () => false });
  const sockets = new Set<Socket>();
  const between = createServer((socket) => {
    const onward = connect(source.port, '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
    sockets.add(socket);
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  const { port } = between.address() as AddressInfo;
  const { identity } = await issueNodeCredentials(ccm.certificates, 'gl-3');
  const credentials = { identity, ca: ccm.certificates.certificate };
  const lines = createSourceLines({ ccmUrl: ccm.url, credentials: () => credentials });
  t.after(() => {
    lines.close();
    for (const socket of sockets) socket.destroy();
    between.close();
  });
  const place = { node: 'gl-1', address: '127.0.0.1', port };
  const troubles: string[] = [];
  // Every other one is here: a request for each of the rest.
  const here = new Set([0, 2, 4, 6, 8, 10, 12, 14]);
  const intake: BlockIntake = {
    has: (index) => here.has(index),
    heldCount: () => here.size,
    missing: () => [],
    write: async (index) => void here.add(index),
  };
  const feed = createSourceFeed({
    source: { part: 0, parts: 1, place },
    line: { ...lines.to(place), delayMs: () => 50 },
    assignment: assignment.header.id,
    ticket: () => kitTicket({ assignment: assignment.header.id, fetcher: 'gl-3' }),
    pace: () => () => undefined,
    clock: steadyClock,
    unknownMs: 1_000,
    onDone: () => undefined,
    onTrouble: (trouble) => troubles.push(trouble),
    onFatal: (error) => assert.fail(String(error)),
  });
  feed.takeBlocks(assignment.header, intake);
  await until('four are under way', () => source.asked.length === 4);
  for (const socket of sockets) socket.destroy();
  source.behave({ gives: () => true });
  await until('all is here, or it is given up', () => feed.isOver());
  assert.deepEqual(troubles, []);
  assert.equal(here.size, 16);
});
