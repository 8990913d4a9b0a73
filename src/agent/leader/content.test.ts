// What a leader holds for its members, over real TLS and files: fetched once, given out as it comes in, never a byte that was not checked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import { blockBytes } from '../../model/assignment.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, kitTicket, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import {
  type Answer,
  ask,
  blockOf,
  fetchWhole,
  heldBy,
  joinMember,
  lead,
  leadMembers,
  relayFilesOf,
  startLeader,
} from './testing/leader-kit.ts';

const codeOf = ({ body }: Answer) => (JSON.parse(body.toString()) as { error: { code: string } }).error.code;

test('N73 LEAD-31 LEAD-33: eight members get an assignment while it comes in, and the CCM gives it once; the leader’s own site takes the same', async (t) => {
  const { ccm, leader, members, relay } = await leadMembers(t, 8);
  const assignment = kitAssignment(6_000_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  ccm.gate.at = 20 * blockBytes;
  relay(urlMessage(assignment));
  const own = leader.leader.heldContent(urlMessage(assignment));
  assert.ok(own !== null);
  const seen: number[] = [];
  own.onBlock((index) => seen.push(index));
  await until('the first blocks are here', () => heldBy(leader) === 20);
  assert.ok(own.has(3) && !own.has(20));
  const ticket = kitTicket({ assignment: id });
  const all = Promise.all(
    members.map(({ credentials }) => fetchWhole(t, ccm, leader, credentials, assignment, ticket)),
  );
  // What is here is given before the rest has come.
  const { status, body, headers } = await ask(
    ccm,
    leader,
    (members[0] as (typeof members)[0]).credentials,
    `/assignments/${id}/data`,
    {
      authorization: `Ticket ${ticket}`,
      range: 'bytes=10-19',
    },
  );
  assert.deepEqual([status, headers['content-range']], [206, `bytes 10-19/${assignment.data.length}`]);
  assert.deepEqual(body, assignment.data.subarray(10, 20));
  const signal = new AbortController().signal;
  const waiting = own.block(40, signal);
  ccm.gate.open();
  for (const whole of await all) assert.ok(whole.equals(assignment.data));
  assert.deepEqual(await waiting, blockOf(assignment.header, assignment.data, 40));
  assert.deepEqual((await own.manifest(signal)).bytes, assignment.manifest);
  assert.equal(ccm.served(), assignment.data.length);
  assert.deepEqual(seen.sort((a, b) => a - b).at(-1), blockCount(assignment.header) - 1);
  await assert.rejects(own.block(blockCount(assignment.header), signal), { code: 'INVALID_INPUT' });
  // Asked again it has it.
  relay(urlMessage(assignment));
  assert.equal(ccm.served(), assignment.data.length);
  assert.deepEqual(leader.saidOf('leaderProblem'), []);
});

test('LEAD-31: without a session or members a leader fetches for itself alone; an assignment inside its message is none of the store’s', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  const message = urlMessage(kitAssignment(100_000));
  assert.equal(leader.leader.heldContent(message), null);
  lead(leader);
  assert.equal(leader.leader.heldContent(message), null);
  await joinMember(t, ccm, leader, 'm-1');
  const inline = { ...message, source: { kind: 'inline', manifest: '', data: '' } } as const;
  assert.equal(leader.leader.heldContent(inline), null);
  const foreign = kitTicket({ assignment: message.id, fetcher: 'web-9' });
  assert.equal(leader.leader.heldContent(urlMessage(kitAssignment(100), foreign)), null);
  assert.deepEqual(leader.leader.status().contents, []);
});

test('LINK-14 LEAD-33: who shows no ticket, a forged, expired or foreign one, or one of another assignment, gets nothing; ranges outside are refused', async (t) => {
  const { ccm, leader, members, relay } = await leadMembers(t, 1);
  const [member] = members;
  assert.ok(member !== undefined);
  const assignment = kitAssignment(500_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  relay(urlMessage(assignment));
  await until('it is here', () => heldBy(leader) === blockCount(assignment.header));
  const data = `/assignments/${id}/data`;
  const good = kitTicket({ assignment: id });
  const get = (authorization: string | null, headers: Record<string, string> = {}, path = data) =>
    ask(ccm, leader, member.credentials, path, {
      ...(authorization === null ? {} : { authorization: `Ticket ${authorization}` }),
      ...headers,
    });
  const refused: readonly (string | null)[] = [
    null,
    'no-ticket',
    kitTicket({ assignment: id }, generatePrivateKey()),
    kitTicket({ assignment: id, expiresAt: 1 }),
    kitTicket({ assignment: 'b'.repeat(64) }),
    kitTicket({ assignment: id, fetcher: `segment:${'d'.repeat(32)}` }),
    kitTicket({ assignment: id, fetcher: 'web-9' }),
  ];
  for (const ticket of refused) {
    for (const path of [data, `/assignments/${id}/manifest`, `/assignments/${id}/held`]) {
      const answer = await get(ticket, {}, path);
      assert.deepEqual([answer.status, codeOf(answer)], [403, 'TICKET_INVALID'], String(ticket));
    }
  }
  const stranger = await ask(ccm, leader, null, data, { authorization: `Ticket ${good}` });
  assert.deepEqual([stranger.status, codeOf(stranger)], [403, 'CERTIFICATE_INVALID']);
  const elsewhere = await runKitCcm(t);
  const foreigner = await issueNodeCredentials(elsewhere.certificates, member.node);
  const foreign = await ask(ccm, leader, foreigner, data, { authorization: `Ticket ${good}` }).catch(
    () => null,
  );
  assert.ok(foreign === null || foreign.status === 403);

  const size = assignment.data.length;
  const beyond = await get(good, { range: `bytes=${size}-` });
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${size}`]);
  const across = await get(good, { range: `bytes=${blockBytes - 5}-${size + 100}` });
  assert.deepEqual(
    [across.status, across.body.equals(assignment.data.subarray(blockBytes - 5))],
    [206, true],
  );
  const whole = await get(good);
  assert.deepEqual([whole.status, whole.body.equals(assignment.data)], [200, true]);
  const several = await get(good, { range: 'bytes=0-1,5-6' });
  assert.equal(several.status, 200, 'several ranges count as none');
  const manifest = await get(good, { range: 'bytes=4-' }, `/assignments/${id}/manifest`);
  assert.deepEqual([manifest.status, manifest.body], [206, assignment.manifest.subarray(4)]);
  const held = await get(good, {}, `/assignments/${id}/held`);
  assert.deepEqual(JSON.parse(held.body.toString()), {
    blocks: 4,
    held: Buffer.from([0b1111]).toString('base64'),
  });
  for (const path of ['/', '/assignments', `/assignments/${id}`, `/assignments/${id}/data/..`, '/agent']) {
    assert.equal((await get(good, {}, path)).status, 404, path);
  }
  const other = 'e'.repeat(64);
  const unknown = await get(kitTicket({ assignment: other }), {}, `/assignments/${other}/data`);
  assert.deepEqual([unknown.status, codeOf(unknown)], [404, 'NOT_FOUND']);
});

test('LEAD-33: a block that is not here in time is answered by 503, and whoever asks again gets it', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { limits: { blockWaitMs: 200 } });
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'm-1');
  const assignment = kitAssignment(500_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  ccm.gate.at = blockBytes;
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  await until('the first block is here', () => heldBy(leader) === 1);
  const get = (range: string) =>
    ask(ccm, leader, member.credentials, `/assignments/${id}/data`, {
      authorization: `Ticket ${kitTicket({ assignment: id })}`,
      range,
    });
  const late = await get(`bytes=${blockBytes}-`);
  assert.deepEqual([late.status, late.headers['retry-after'], codeOf(late)], [503, '1', 'CCM_UNREACHABLE']);
  // What began to come is cut where it ends.
  await assert.rejects(get('bytes=0-'), { code: 'ECONNRESET' });
  ccm.gate.open();
  await until('all is here', () => heldBy(leader) === 4);
  assert.ok((await get('bytes=0-')).body.equals(assignment.data));
});

test('LEAD-32: a block that is not as the signed manifest says is never here and never given; the CCM is told, and members fetch from it', async (t) => {
  const { ccm, leader, members, relay } = await leadMembers(t, 2);
  const assignment = kitAssignment(1_000_000);
  const { id, site } = assignment.header;
  const spoilt = Buffer.from(assignment.data);
  spoilt.writeUInt8((spoilt[5 * blockBytes] as number) ^ 1, 5 * blockBytes);
  ccm.assignments.set(id, { ...assignment, data: spoilt });
  relay(urlMessage(assignment));
  await until('the CCM is told', () => leader.saidOf('leaderProblem').length === 1);
  const [problem] = leader.saidOf('leaderProblem');
  assert.deepEqual(
    [problem?.site, problem?.assignment, problem?.error.code],
    [site, id, 'ASSIGNMENT_BLOCK_CORRUPT'],
  );
  await until('members are told', () =>
    members.every((member) => member.receivedOf('fetchFromCcm')[0]?.assignment === id),
  );
  const get = (range: string) =>
    ask(ccm, leader, (members[0] as (typeof members)[0]).credentials, `/assignments/${id}/data`, {
      authorization: `Ticket ${kitTicket({ assignment: id })}`,
      range,
    });
  const bad = await get(`bytes=${5 * blockBytes}-${5 * blockBytes + 9}`);
  assert.equal(bad.status, 422);
  assert.ok((await get(`bytes=0-${blockBytes - 1}`)).body.equals(assignment.data.subarray(0, blockBytes)));
  // With the next word of the CCM it is tried again, from where it was.
  ccm.assignments.set(id, assignment);
  relay(urlMessage(assignment));
  await until('it is whole', () => heldBy(leader) === blockCount(assignment.header));
});

test('LEAD-32: a manifest that no release key signed, or of another site or assignment, is refused whole', async (t) => {
  const { ccm, leader, members, relay } = await leadMembers(t, 1);
  const assignment = kitAssignment(200_000);
  const other = kitAssignment(200_000);
  const { id } = assignment.header;
  const forged = Buffer.from(assignment.manifest);
  forged.writeUInt8((forged.at(-1) as number) ^ 1, forged.length - 1);
  const lies = [
    [{ ...assignment, manifest: forged }, {}, 'ASSIGNMENT_SIGNATURE_INVALID'],
    [{ ...assignment, manifest: other.manifest }, {}, 'ASSIGNMENT_MALFORMED'],
    [assignment, { site: 'another' }, 'ASSIGNMENT_MALFORMED'],
  ] as const;
  for (const [served, claim, code] of lies) {
    ccm.assignments.set(id, served);
    leader.said.length = 0;
    relay({
      ...urlMessage(served),
      id,
      ...claim,
      source: { ...urlMessage(assignment).source, manifestBytes: served.manifest.length } as never,
    });
    await until('the CCM is told', () => leader.saidOf('leaderProblem').length === 1);
    assert.equal(leader.saidOf('leaderProblem')[0]?.error.code, code);
  }
  await until('nothing of it is left', () => relayFilesOf(leader).length === 0);
  await until('the member is told each time', () => members[0]?.receivedOf('fetchFromCcm').length === 3);
});

test('LEAD-31: a ticket for one member alone is that member’s business: it fetches from the CCM, and nobody complains', async (t) => {
  const { ccm, leader, members, relay } = await leadMembers(t, 1);
  const assignment = kitAssignment(200_000);
  ccm.assignments.set(assignment.header.id, assignment);
  relay(urlMessage(assignment, kitTicket({ assignment: assignment.header.id, fetcher: 'm-0' })));
  await until('it is told', () => members[0]?.receivedOf('fetchFromCcm').length === 1);
  assert.deepEqual([leader.saidOf('leaderProblem'), ccm.served()], [[], 0]);
});
