// A CCM that lies, and servers that pose as one: the agent refuses with a code, tells it where there is somebody to tell, changes nothing on its
// disk and goes on serving.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { assignmentOf, decisionOf, treeOf } from '../../src/agent/testing/sample-tree.ts';
import { runGateway } from '../../src/ccm/gateway/testing/running-gateway.ts';
import type { CcmMessage } from '../../src/model/messages.ts';
import { issueNodeCredentials } from '../../src/net/testing/node-credentials.ts';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { issueTicket } from '../../src/net/tickets/ticket.ts';
import { generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { secureContextOptions } from '../../src/net/tls/tls-settings.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type LinkedAgent, linkAgent, node, site, welcomeOf } from './linked-agent.ts';

const one = { 'index.html': 'one' };
const two = { 'index.html': 'two', 'kept.txt': 'kept' };
const three = { 'index.html': 'three' };

type UrlAssignment = Extract<CcmMessage, { type: 'assignment' }> & {
  readonly source: { readonly kind: 'url' };
};

async function serving(t: TestScope): Promise<LinkedAgent> {
  const linked = await linkAgent(t);
  await linked.publish(linked.release(1, {}, one));
  await linked.publish(linked.release(2, one, two));
  return linked;
}

/** What readers get and what the journal says. */
function stateOf(linked: LinkedAgent): unknown {
  const directory = join(linked.directory, 'sites', site);
  const { lastDecision, live, executed } = JSON.parse(
    readFileSync(join(directory, 'state.json'), 'utf8'),
  ) as Record<string, unknown>;
  return {
    link: readlinkSync(join(directory, 'live')),
    files: (readdirSync(join(directory, 'live'), { recursive: true }) as string[]).sort(),
    lastDecision,
    live,
    executed,
  };
}

/** Says it, waits until the site is idle (a verification is answered), and finds everything as before. */
async function assertUnmoved(
  linked: LinkedAgent,
  what: string,
  say: () => Promise<void> | void,
): Promise<void> {
  const before = stateOf(linked);
  await say();
  linked.say({ type: 'verify', request: what.slice(0, 60), site });
  const { receipt, drift } = await linked.next('verified');
  assert.deepEqual([receipt.tree, drift], [treeOf(two), []], what);
  assert.deepEqual(stateOf(linked), before, what);
  assert.equal((await linked.fetch('/')).text, 'two', what);
}

function urlOf(message: CcmMessage, source: object): CcmMessage {
  const { source: own, ...rest } = message as UrlAssignment;
  return { ...rest, source: { ...own, ...source } };
}

test('LINK-18 N65: decisions of another key, altered, of another site, or played again change nothing, and are told', async (t) => {
  const linked = await serving(t);
  const next = linked.release(3, two, three);
  const good = decisionOf(next);
  const forged = decisionOf({ ...next, releaseKey: generatePrivateKey() });
  await assertUnmoved(linked, 'another key', async () => {
    linked.say({ type: 'decision', decision: forged });
    const { error, release, live } = await linked.next('stale');
    assert.deepEqual([error.code, release], ['DECISION_INVALID', next.release]);
    assert.equal(live?.tree, treeOf(two));
  });
  await assertUnmoved(linked, 'altered', async () => {
    linked.say({ type: 'decision', decision: { ...good, toTree: treeOf(one) } });
    assert.equal((await linked.next('stale')).error.code, 'DECISION_INVALID');
  });
  await assertUnmoved(linked, 'another site’s', async () => {
    const other = decisionOf({ ...next, site: 'other' });
    linked.say({ type: 'decision', decision: other });
    linked.say({ type: 'decision', decision: { ...other, site } });
    assert.equal((await linked.next('stale')).error.code, 'DECISION_INVALID');
  });
  await assertUnmoved(linked, 'in a grant', async () => {
    const welcome = welcomeOf(linked.ccm, forged);
    assert.ok(welcome.type === 'welcome' && welcome.sites[0] !== undefined);
    linked.say({ type: 'grant', grant: welcome.sites[0] });
    assert.equal((await linked.next('stale')).error.code, 'DECISION_INVALID');
  });
  await assertUnmoved(linked, 'played again', () => {
    linked.say({ type: 'decision', decision: decisionOf(linked.release(1, {}, one)) });
    linked.say(linked.decide(linked.release(2, one, two)));
  });
  await assertUnmoved(linked, 'of an earlier epoch', () => {
    const release = { epoch: 0, sequence: 99 };
    linked.say({ type: 'decision', decision: decisionOf({ ...linked.release(99, two, one), release }) });
  });
});

test('LINK-17 N65: assignments played again, for another site, another id, or from another base are refused with a code', async (t) => {
  const linked = await serving(t);
  const next = linked.release(3, two, three);
  const assignment = assignmentOf(next);
  const other = { ...next, site: 'other' };
  const cases: readonly (readonly [string, string, CcmMessage])[] = [
    ['played again', 'RELEASE_OUTDATED', linked.inline(linked.release(2, one, two))],
    [
      'of an earlier epoch',
      'RELEASE_OUTDATED',
      linked.inline({ ...next, release: { epoch: 0, sequence: 99 } }),
    ],
    ['of another site', 'ASSIGNMENT_MALFORMED', linked.inline(other)],
    [
      'another one than named',
      'ASSIGNMENT_MALFORMED',
      { ...linked.inline(next), id: 'f'.repeat(64) } as CcmMessage,
    ],
    ['from another base', 'BASE_MISMATCH', linked.inline(linked.release(3, one, three))],
    [
      'signed by another key',
      'ASSIGNMENT_SIGNATURE_INVALID',
      linked.inline({ ...next, releaseKey: generatePrivateKey() }),
    ],
    [
      'altered data',
      'ASSIGNMENT_BLOCK_CORRUPT',
      linked.inline(next, { ...assignment, data: Buffer.from(assignment.data).reverse() }),
    ],
  ];
  for (const [what, code, message] of cases) {
    await assertUnmoved(linked, what, async () => {
      linked.say(message);
      assert.equal((await linked.next('stageFailed')).error.code, code, what);
    });
  }
  linked.say(linked.inline(next, assignment));
  await linked.next('staged');
});

test('LINK-16 N18: a source that gives wrong blocks, too few, none, or refuses the ticket is told with a code', async (t) => {
  const linked = await serving(t);
  const next = linked.release(3, two, { 'big.bin': randomBytes(400_000), 'index.html': 'big' });
  const assignment = assignmentOf(next);
  const { id } = assignment.header;
  const message = linked.byUrl(next, assignment);
  const files = linked.ccm.assignments.get(id);
  assert.ok(files !== undefined);
  const flipped = Buffer.from(assignment.data);
  flipped[200_000] = (flipped[200_000] as number) ^ 1;
  await assertUnmoved(linked, 'wrong blocks', async () => {
    writeFileSync(files.dataPath, flipped);
    linked.say(message);
    assert.equal((await linked.next('stageFailed')).error.code, 'ASSIGNMENT_BLOCK_CORRUPT');
    writeFileSync(files.dataPath, assignment.data);
  });
  const facts = { job: 'j-1', assignment: id, fetcher: node, expiresAt: Date.now() + 60_000 };
  const tickets = {
    'a ticket that has expired': issueTicket({ ...facts, expiresAt: 1 }, linked.ccm.releaseKey),
    'a ticket of another node': issueTicket({ ...facts, fetcher: 'web-2' }, linked.ccm.releaseKey),
    'a ticket of another assignment': issueTicket(
      { ...facts, assignment: 'e'.repeat(64) },
      linked.ccm.releaseKey,
    ),
    'a ticket of another key': issueTicket(facts, generatePrivateKey()),
  };
  for (const [what, ticket] of Object.entries(tickets)) {
    await assertUnmoved(linked, what, async () => {
      linked.say(urlOf(message, { ticket }));
      assert.equal((await linked.next('stageFailed')).error.code, 'TICKET_INVALID', what);
    });
  }
  await assertUnmoved(linked, 'an address that is none of a CCM', async () => {
    linked.say(urlOf(message, { manifestUrl: 'http://127.0.0.1:1/x' }));
    assert.equal((await linked.next('stageFailed')).error.code, 'MESSAGE_INVALID');
  });
  await assertUnmoved(linked, 'lengths that lie', async () => {
    linked.say(urlOf(message, { dataBytes: 1 }));
    assert.equal((await linked.next('stageFailed')).error.code, 'ASSIGNMENT_MALFORMED');
  });
  linked.say(message);
  await linked.next('staged');
});

test('LINK-18: a welcome whose release keys are none is refused; the former ones stay in force', async (t) => {
  const linked = await serving(t);
  const hellos = linked.hellos().length;
  const welcome = welcomeOf(linked.ccm, null);
  linked.say({ ...welcome, releaseKeys: ['no key'] } as CcmMessage);
  await until('the agent has connected again', () => linked.hellos().length > hellos);
  await linked.publish(linked.release(3, two, three));
});

test('LINK-1: a server of another authority, or with a node’s certificate, hears nothing from the agent, which serves on', async (t) => {
  const linked = await serving(t);
  const { certificates, port } = linked.ccm;
  await linked.ccm.gateway.stop();

  const stranger = await runGateway(t, {
    after: { ...linked.ccm, directory: temporaryDirectory(t), events: [] },
  });
  assert.equal(stranger.port, port);
  assert.equal((await linked.fetch('/')).text, 'two');
  await stranger.gateway.stop();
  assert.deepEqual(stranger.events, []);

  const { identity } = await issueNodeCredentials(certificates, 'web-9');
  const heard: string[] = [];
  const impostor = createServer(
    { ...secureContextOptions({ identity, ca: certificates.certificate }), requestCert: true },
    (request) => heard.push(String(request.url)),
  );
  impostor.on('upgrade', (request) => heard.push(String(request.url)));
  let handshakes = 0;
  impostor.on('connection', () => {
    handshakes += 1;
  });
  impostor.listen(port, '127.0.0.1');
  await once(impostor, 'listening');
  t.after(() => impostor.close());
  await until('the agent has tried', () => handshakes >= 2);
  assert.deepEqual(heard, []);
  assert.equal((await linked.fetch('/')).text, 'two');
});
