// Hand-outs as they come: over the own link and from other leaders; forged, expired, late, twice, for others; and none at all.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import { blockBytes } from '../../model/assignment.ts';
import { readBody } from '../../net/http/read-body.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { nodeConnectionOptions } from '../../net/tls/tls-settings.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, kitTicket, nowMs, urlMessage } from '../leader/testing/kit-ccm.ts';
import { ask, heldBy, inboxOf, joinMember, type KitLeader, lead } from '../leader/testing/leader-kit.ts';
import { notifyLeader } from './notify-leader.ts';
import { runScriptedSource } from './testing/scripted-source.ts';
import {
  answerNext,
  expectIt,
  handOut,
  handOutFor,
  kitCcmId,
  lastState,
  placeOf,
  sourcesFrom,
  startTree,
  stateOf,
} from './testing/tree-kit.ts';

type Tls = Parameters<typeof nodeConnectionOptions>[0];

async function post(to: KitLeader, as: Tls | null, body: string, path = '/hand-outs') {
  const tls = as === null ? { rejectUnauthorized: false } : nodeConnectionOptions(as, to.credentials.node);
  const outgoing = request(`https://127.0.0.1:${to.port}${path}`, { ...tls, agent: false, method: 'POST' });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = (await readBody(response, 65_536)).toString();
  const { error } = JSON.parse(text) as { error?: { code: string } };
  return { status: response.statusCode, code: error?.code };
}

test('N19 TREE-52: any node may bring a hand-out; forged, expired or foreign ones, too large ones and what is none are refused by code', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const [bearer, leader] = [await start('gl-1'), await start('gl-2')];
  const as = { identity: bearer.credentials.identity, ca: ccm.certificates.certificate };
  const good = handOutFor(assignment, 'gl-2', sourcesFrom(null));
  const bring = (body: unknown) => post(leader, as, JSON.stringify(body));
  const refusals = [
    [
      { handOut: handOutFor(assignment, 'gl-2', sourcesFrom(null), {}, generatePrivateKey()) },
      403,
      'TICKET_INVALID',
    ],
    [{ handOut: { ...good, number: 2 } }, 403, 'TICKET_INVALID'],
    [
      { handOut: handOutFor(assignment, 'gl-2', sourcesFrom(null), { expiresAt: nowMs }) },
      403,
      'TICKET_INVALID',
    ],
    [{ handOut: handOutFor(assignment, 'gl-1', sourcesFrom(null)) }, 403, 'TICKET_INVALID'],
    [
      { handOut: handOutFor(assignment, 'gl-2', sourcesFrom(null), { segment: 'd1'.repeat(16) }) },
      403,
      'TICKET_INVALID',
    ],
    [{ handOut: { ...good, more: 1 } }, 400, 'MESSAGE_INVALID'],
    [{ handOut: good, more: 1 }, 400, 'MESSAGE_INVALID'],
    [{}, 400, 'MESSAGE_INVALID'],
    ['x'.repeat(9_000), 400, 'INVALID_INPUT'],
  ] as const;
  for (const [body, status, code] of refusals) assert.deepEqual(await bring(body), { status, code });
  assert.deepEqual(await post(leader, as, '{'), { status: 400, code: 'INVALID_INPUT' });
  const body = JSON.stringify({ handOut: good });
  assert.deepEqual(await post(leader, null, body), { status: 403, code: 'CERTIFICATE_INVALID' });
  assert.deepEqual(
    await ask(ccm, leader, bearer.credentials, '/hand-outs').then(({ status }) => status),
    405,
  );
  assert.deepEqual(leader.leader.status().tree, []);

  assert.deepEqual(await bring({ handOut: good }), { status: 202, code: undefined });
  await until('it is held', () => stateOf(leader) === 'held');
  const served = ccm.served();
  assert.deepEqual(await bring({ handOut: good }), { status: 200, code: undefined });
  const other = handOutFor(assignment, 'gl-2', sourcesFrom(null), { ccm: 'ee'.repeat(16), number: 2 });
  assert.deepEqual(await bring({ handOut: other }), { status: 409, code: 'CONFLICT' });
  assert.equal(ccm.served(), served);
  assert.equal(stateOf(leader), 'held');
});

test('N19 TREE-49: late, doubled and reordered hand-outs change nothing; the newest counts', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  const none = (): boolean => false;
  const stuck = await runScriptedSource(t, ccm, 'gl-1', assignment, { gives: none, says: none });
  const newest = await runScriptedSource(t, ccm, 'gl-2', assignment, { gives: none, says: none });
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(newest), { number: 7 });
  await until('it is asked', () => newest.asked.length > 0);
  for (const number of [7, 3, 7, 1]) handOut(leader, assignment, sourcesFrom(stuck), { number });
  answerNext(leader, assignment, []);
  leader.leader.receive({ type: 'treeEnd', ccm: 'ee'.repeat(16), assignment: assignment.header.id });
  newest.behave({ gives: () => true });
  await until('it is held', () => stateOf(leader) === 'held');
  assert.deepEqual(stuck.asked, []);
  assert.equal(lastState(leader).number, 7);
  assert.equal(newest.asked.length, 1, 'and went on where it was');
});

test('N19 TREE-52 TREE-55: a hand-out of something that was removed since is brought in vain; a newer one counts', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const leader = await start('gl-1', { limits: { keepMs: 300 } });
  handOut(leader, assignment, sourcesFrom(null));
  await until(
    'it was held, and is removed',
    () => ccm.served() > 0 && leader.leader.status().tree.length === 0,
  );
  const served = ccm.served();
  handOut(leader, assignment, sourcesFrom(null));
  const { contents, tree } = leader.leader.status();
  assert.deepEqual([contents, tree, ccm.served()], [[], [], served]);
  handOut(leader, assignment, sourcesFrom(null), { number: 2 });
  await until('it is fetched anew', () => ccm.served() === 2 * served);
});

test('TREE-51: whoever takes it accepts, whoever does not refuses, and nobody else is reached', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(300_000);
  const [leader, bearer] = [await start('gl-1'), await start('gl-2')];
  const credentials = { identity: bearer.credentials.identity, ca: ccm.certificates.certificate };
  const signal = new AbortController().signal;
  const bring = (node: string, port: number, forNode = node) =>
    notifyLeader(
      { node, address: '127.0.0.1', port, handOut: handOutFor(assignment, forNode, sourcesFrom(null)) },
      { credentials, signal },
    );
  assert.equal(await bring('gl-1', leader.port), 'accepted');
  assert.equal(await bring('gl-1', leader.port, 'gl-9'), 'refused');
  assert.equal(await bring('gl-9', leader.port), 'unreachable');
  await leader.leader.close();
  assert.equal(await bring('gl-1', leader.port), 'unreachable');
});

test('TREE-50: without a hand-out what members wait for comes from the CCM by its ticket, and goes on by one that comes then; what the CCM has ended is not fetched, until a message brings it anew', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  const leader = await start('gl-1', { treeTimes: { fallBackMs: 300 } });
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'm-1');
  ccm.gate.at = 3 * blockBytes;
  expectIt(leader, assignment);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  assert.equal(ccm.served(), 0);
  await until('it comes from the CCM', () => heldBy(leader) === 3);
  const source = await runScriptedSource(t, ccm, 'gl-2', assignment);
  handOut(leader, assignment, sourcesFrom(source));
  await until('the rest comes from the source', () => stateOf(leader) === 'held');
  assert.ok(source.asked.every(([first]) => first >= 3 * blockBytes));
  assert.deepEqual(leader.saidOf('leaderProblem'), []);

  const next = kitAssignment(1_000_000);
  ccm.assignments.set(next.header.id, next);
  ccm.gate.open();
  const served = ccm.served();
  expectIt(leader, next);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(next) });
  leader.leader.receive({ type: 'treeEnd', ccm: kitCcmId, assignment: next.header.id });
  await until('who needs it all the same is told', () => member.receivedOf('fetchFromCcm').length === 1);
  assert.deepEqual(leader.saidOf('leaderProblem'), []);
  assert.equal(ccm.served(), served);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(next) });
  const isHere = () =>
    leader.leader
      .status()
      .contents.some((row) => row.assignment === next.header.id && row.held === row.blocks);
  await until('it comes from the CCM at once', isHere);
});

test('LEAD-31 TREE-50: what is under way from the CCM already goes on from the sources of a hand-out', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  ccm.assignments.set(assignment.header.id, assignment);
  ccm.gate.at = 4 * blockBytes;
  const leader = await start('gl-1');
  lead(leader);
  await joinMember(t, ccm, leader, 'm-1');
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  await until('the first blocks are here', () => heldBy(leader) === 4);
  const source = await runScriptedSource(t, ccm, 'gl-2', assignment);
  handOut(leader, assignment, sourcesFrom(source));
  await until('it is held', () => stateOf(leader) === 'held');
  assert.ok(source.asked.every(([first]) => first >= 4 * blockBytes));
  assert.deepEqual(leader.saidOf('leaderProblem'), []);
});

test('LEAD-59 TREE-50: the own sites of a leader without members take what comes down the tree from what it holds', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const leader = await start('gl-1');
  const message = urlMessage(assignment, kitTicket({ assignment: assignment.header.id, fetcher: 'gl-1' }));
  assert.equal(leader.leader.heldContent(message), null);
  expectIt(leader, assignment);
  const own = leader.leader.heldContent(message);
  assert.ok(own !== null);
  const last = own.block(blockCount(assignment.header) - 1, new AbortController().signal);
  assert.equal(ccm.served(), 0);
  const source = await runScriptedSource(t, ccm, 'gl-2', assignment);
  handOut(leader, assignment, sourcesFrom(source));
  assert.ok((await last).length > 0);
  await until('it is held', () => stateOf(leader) === 'held');
  assert.equal(ccm.served(), 0);
});

test('N75 TREE-50: a leader that is started again says what is on its disk, and fetches the rest alone', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(2_000_000);
  const few = (index: number): boolean => index < 6;
  const source = await runScriptedSource(t, ccm, 'gl-2', assignment, { gives: few, says: few });
  const before = await start('gl-1');
  handOut(before, assignment, sourcesFrom(source));
  await until('some is here', () => heldBy(before) === 6);
  await before.leader.close();
  const manifest = join(before.directory, 'relay', `${assignment.header.id}.manifest`);
  const { ctimeMs } = statSync(manifest);
  source.behave({ gives: () => true });
  const leader = await start('gl-1', { directory: before.directory });
  expectIt(leader, assignment);
  handOut(leader, assignment, sourcesFrom(source), { number: 2 });
  await until('it is held', () => stateOf(leader) === 'held');
  assert.deepEqual(
    source.asked.map(([first]) => first),
    [0, 6 * blockBytes],
  );
  assert.equal(statSync(manifest).ctimeMs, ctimeMs, 'what is right is not written again');
  await leader.leader.close();
  const again = await start('gl-1', { directory: before.directory });
  expectIt(again, assignment);
  await until('it says so', () => again.saidOf('treeState').length > 0);
  assert.deepEqual([lastState(again).state, lastState(again).number], ['held', 0]);
});

test('N76 LEAD-35 TREE-50: a successor takes from its members what they hold, and the rest from its sources', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(3_000_000);
  const { header } = assignment;
  const none = (): boolean => false;
  const source = await runScriptedSource(t, ccm, 'gl-2', assignment, { gives: none, says: none });
  const [successor, member] = [await start('gl-1'), await start('m-1')];
  member.inboxes.set(
    header.id,
    inboxOf(assignment, (index) => index < 10),
  );
  successor.others.push({ node: 'm-1', address: '127.0.0.1', port: member.port });
  lead(successor);
  await joinMember(t, ccm, successor, 'm-1', member.credentials);
  expectIt(successor, assignment);
  handOut(successor, assignment, sourcesFrom(source));
  await until('what members hold is here', () => heldBy(successor) === 10);
  source.behave({ gives: () => true });
  await until('it is held', () => stateOf(successor) === 'held');
  assert.equal(successor.leader.status().contents[0]?.fromMembers, 10);
  assert.deepEqual(
    source.asked.map(([first]) => first),
    [0, 10 * blockBytes],
  );
});

test('TREE-53 TREE-55: what vanished from a leader’s disk is never given; it says so, and has it again by the next hand-out', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(6_000_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  const first = await start('gl-1');
  handOut(first, assignment, sourcesFrom(null));
  await until('it is held', () => stateOf(first) === 'held');
  await first.leader.close();
  const holder = await start('gl-1', { directory: first.directory });
  expectIt(holder, assignment);
  await until('it says so', () => holder.saidOf('treeState').at(-1)?.state === 'held');
  // Somebody else's hand.
  const file = openSync(join(first.directory, 'relay', `${id}.data`), 'r+');
  writeSync(file, Buffer.from('spoilt'), 0, 6, 3 * blockBytes);
  closeSync(file);
  const leader = await start('gl-2');
  handOut(leader, assignment, sourcesFrom(placeOf(holder)));
  await until('the CCM is told', () => leader.saidOf('treeSourceLost').length > 0);
  assert.deepEqual(leader.saidOf('treeSourceLost')[0]?.trouble, 'lacks');
  assert.notEqual(stateOf(holder), 'held');
  const served = ccm.served();
  handOut(holder, assignment, sourcesFrom(null), { number: 2 });
  await until('it is held again', () => stateOf(holder) === 'held');
  assert.equal(ccm.served() - served, blockBytes);
  handOut(leader, assignment, sourcesFrom(placeOf(holder)), { number: 2 });
  await until('by both', () => stateOf(leader) === 'held');
});

test('TREE-55: a block that is spoilt on disk while the others still come comes again from the same source', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(6_000_000);
  const { id } = assignment.header;
  const source = await runScriptedSource(t, ccm, 'gl-1', assignment, {
    gives: (index) => index < 40,
    says: (index) => index < 40,
  });
  const leader = await start('gl-2', { treeTimes: { starveMs: 60_000 } });
  handOut(leader, assignment, sourcesFrom(source));
  await until('what it gives is here', () => heldBy(leader) === 40);
  const file = openSync(join(leader.directory, 'relay', `${id}.data`), 'r+');
  writeSync(file, Buffer.from('spoilt'), 0, 6, 3 * blockBytes);
  closeSync(file);
  const child = await issueNodeCredentials(ccm.certificates, 'gl-3');
  const ticket = kitTicket({ assignment: id, fetcher: 'gl-3' });
  const range = `bytes=${3 * blockBytes}-${3 * blockBytes}`;
  const path = `/assignments/${id}/data`;
  const { status } = await ask(ccm, leader, child, path, { authorization: `Ticket ${ticket}`, range });
  assert.equal(status, 404);
  assert.equal(heldBy(leader), 39);
  source.behave({ gives: () => true, says: () => true });
  await until('it is held', () => stateOf(leader) === 'held');
});

test('TREE-53: another leader is told at once what there is, gets no range that is outside, and nothing of what does not come', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(500_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  const holder = await start('gl-1', { treeTimes: { fallBackMs: 300 } });
  const child = await start('gl-2');
  const authorization = `Ticket ${kitTicket({ assignment: id, fetcher: 'gl-2' })}`;
  const get = (what: string, headers = {}) =>
    ask(ccm, holder, child.credentials, `/assignments/${id}/${what}`, { authorization, ...headers });
  assert.equal((await get('held')).status, 404);
  expectIt(holder, assignment);
  assert.equal((await get('held')).status, 503);
  // It waits for the manifest, until none is to be had here.
  assert.equal((await get('manifest')).status, 404);
  handOut(holder, assignment, sourcesFrom(null));
  await until('it is held', () => stateOf(holder) === 'held');
  const size = assignment.data.length;
  assert.equal((await get('data', { range: `bytes=${size}-` })).status, 416);
  assert.deepEqual((await get('data', { range: 'bytes=5-9' })).body, assignment.data.subarray(5, 10));
});

test('TREE-50: what the CCM has ended and orders again in the same breath is fetched', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(1_000_000);
  const few = await runScriptedSource(t, ccm, 'gl-1', assignment, { gives: (index) => index < 4 });
  const honest = await runScriptedSource(t, ccm, 'gl-2', assignment);
  const leader = await start('gl-3');
  handOut(leader, assignment, sourcesFrom(few));
  await until('some of it is here', () => heldBy(leader) === 4);
  leader.leader.receive({ type: 'treeEnd', ccm: kitCcmId, assignment: assignment.header.id });
  expectIt(leader, assignment);
  handOut(leader, assignment, sourcesFrom(honest), { number: 2 });
  await until('it is held', () => stateOf(leader) === 'held');
});

test('TREE-50: what the CCM has ended makes way for what still comes, not the other way round', async (t) => {
  const { start } = await startTree(t);
  const leader = await start('gl-1');
  const ended = kitAssignment(1_000);
  const { site } = ended.header;
  const bytes = { manifestBytes: 1_000, dataBytes: 1_000 };
  const expectMade = (number: number): string => {
    const assignment = number.toString(16).padStart(64, '0');
    leader.leader.receive({ type: 'treeExpect', ccm: kitCcmId, site, assignment, ...bytes });
    return assignment;
  };
  for (let index = 0; index < 63; index++) {
    const assignment = expectMade(index);
    const signed = handOutFor(ended, 'gl-1', sourcesFrom({ node: 'gl-9', port: 1 }), {
      assignment,
      ...bytes,
    });
    leader.leader.receive({ type: 'handOut', handOut: signed });
    leader.leader.receive({ type: 'treeEnd', ccm: kitCcmId, assignment });
  }
  const coming = [expectMade(100), expectMade(101)];
  const known = leader.leader.status().tree.map(({ assignment }) => assignment);
  assert.equal(known.length, 64);
  assert.deepEqual(
    coming.filter((assignment) => !known.includes(assignment)),
    [],
  );
});
