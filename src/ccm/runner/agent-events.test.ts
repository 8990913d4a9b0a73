import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { signObject } from '../../assignment/signed.ts';
import type { SiteHolding } from '../../model/messages.ts';
import type { Decision, Receipt, SignedReceipt } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import type { CoreEvent } from '../core/events.ts';
import { toJsonColumn } from '../db/json-column.ts';
import { helloOf } from '../gateway/testing/raw-agent.ts';
import { certificateOf, temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createAgentEvents } from './agent-events.ts';
import { createIsOwnDecision } from './own-decision.ts';

const release = { epoch: 1, sequence: 4 };
const tree = 'a'.repeat(40);
const assignment = 'b'.repeat(64);

async function receiving() {
  const { registry, database } = await temporaryRegistry();
  for (const name of ['web-1', 'web-2']) registry.nodes.join({ name, ...certificateOf(name) });
  const posted: CoreEvent[] = [];
  const taken: SignedReceipt[] = [];
  const answered: (string | null)[] = [];
  const forged: string[] = [];
  const [key, other, releaseKey] = [generatePrivateKey(), generatePrivateKey(), generatePrivateKey()];
  const events = createAgentEvents({
    registry,
    health: { waitsFor: undefined },
    post: (event) => posted.push(event),
    configure: () => undefined,
    releaseKeys: () => [createPublicKey(releaseKey)],
    isOwnDecision: createIsOwnDecision(database),
    verifyRequests: {
      verify: () => Promise.reject(new Error('not asked')),
      answered: (_, __, error) => answered.push(error?.code ?? null),
      disconnected: () => undefined,
      welcomed: () => undefined,
    },
    siteFacts: () => undefined,
    receipt: (receipt) => taken.push(receipt),
    drift: { connected: () => undefined, report: () => undefined, removed: () => undefined },
    trees: {
      connected: () => undefined,
      disconnected: () => undefined,
      said: () => undefined,
      removed: () => undefined,
    },
    segments: {
      connected: () => undefined,
      message: () => undefined,
      leaderSaid: () => undefined,
      disconnected: () => undefined,
      removed: () => undefined,
    },
    mend: () => undefined,
    onForged: (_, what) => forged.push(what),
    assignmentBytes: () => 100,
  });
  events.connected('web-1', helloOf('web-1'), {
    id: '1',
    protocol: 1,
    publicKey: createPublicKey(key),
    leader: null,
  });
  events.connected('web-2', helloOf('web-2'), {
    id: '2',
    protocol: 1,
    publicKey: createPublicKey(other),
    leader: null,
  });
  posted.length = 0;
  return { registry, database, events, posted, taken, answered, forged, key, other, releaseKey };
}

function receiptOf(key: KeyObject, more: Partial<Receipt> = {}): SignedReceipt {
  const receipt: Receipt = {
    version: 1,
    node: 'web-1',
    site: 'docs',
    phase: 'staged',
    scope: 'changed',
    release,
    tree,
    at: 1,
    ...more,
  };
  return signObject(receipt, key);
}

test('X1 LINK-30: a receipt of another key, node, site or phase, or one that was altered, is refused with a code and fails its job at once', async () => {
  const { registry, events, posted, taken, key, other } = await receiving();
  const good = receiptOf(key);
  const lies: Readonly<Record<string, SignedReceipt>> = {
    'signed by another key': receiptOf(other),
    'another node’s, in its name': receiptOf(other, { node: 'web-2' }),
    'of another site': receiptOf(key, { site: 'blog' }),
    'of another phase': receiptOf(key, { phase: 'switched' }),
    'altered afterwards': { ...good, tree: 'c'.repeat(40) },
  };
  for (const [what, receipt] of Object.entries(lies)) {
    posted.length = 0;
    const message = { type: 'staged', site: 'docs', assignment, receipt } as const;
    assert.throws(() => events.message('web-1', message, '1'), { code: 'RECEIPT_INVALID' }, what);
    const [event] = posted;
    assert.ok(event?.type === 'nodeStageFailed' && event.error.code === 'RECEIPT_INVALID', what);
    assert.equal(posted.length, 1);
  }
  const logged = registry.events.page({ after: 0, limit: 100 });
  assert.equal(logged.filter(({ kind }) => kind === 'node.report.refused').length, Object.keys(lies).length);
  assert.deepEqual(taken, []);
  posted.length = 0;
  events.message('web-1', { type: 'staged', site: 'docs', assignment, receipt: good }, '1');
  assert.deepEqual(
    posted.map(({ type }) => type),
    ['nodeStaged'],
  );
});

test('KEYS-4 KEYS-7: the key before a renewal still signs receipts, that of a node which was removed none', async () => {
  const { events, key, taken } = await receiving();
  const next = { id: '3', protocol: 1, publicKey: createPublicKey(generatePrivateKey()), leader: null };
  const message = { type: 'staged', site: 'docs', assignment, receipt: receiptOf(key) } as const;
  events.connected('web-1', helloOf('web-1'), next);
  events.message('web-1', message, '3');
  assert.equal(taken.length, 1);
  events.disconnected('web-1', '3');
  events.removed('web-1');
  events.connected('web-1', helloOf('web-1'), { ...next, id: '4' });
  assert.throws(() => events.message('web-1', message, '4'), { code: 'RECEIPT_INVALID' });
});

test('X1 LINK-30: forged receipts of a switch and of a verification are refused, and the verification says so', async () => {
  const { events, posted, answered, other } = await receiving();
  const switched = receiptOf(other, { phase: 'switched' });
  assert.throws(() => events.message('web-1', { type: 'switched', site: 'docs', receipt: switched }, '1'), {
    code: 'RECEIPT_INVALID',
  });
  const receipt = receiptOf(other, { phase: 'verified', scope: 'full' });
  assert.throws(
    () => events.message('web-1', { type: 'verified', request: 'r', site: 'docs', receipt, drift: [] }, '1'),
    { code: 'RECEIPT_INVALID' },
  );
  assert.deepEqual(posted, []);
  assert.deepEqual(answered, ['RECEIPT_INVALID']);
});

const decision: Decision = {
  version: 1,
  site: 'docs',
  release: { epoch: 7, sequence: 70 },
  kind: 'commit',
  fromTree: null,
  toTree: tree,
  decidedAt: 1,
};

function holding(site: string, signer: KeyObject, of = decision): SiteHolding {
  const lastDecision = signObject(of, signer);
  return { site, live: null, backup: null, staged: null, lastDecision, executed: true };
}

test('LINK-30: a decision of another site, or of another key, in a hello says nothing about this one', async () => {
  const { events, posted, key, releaseKey } = await receiving();
  const sites = [holding('docs', releaseKey), holding('blog', releaseKey), holding('wiki', key)];
  const connection = { id: '3', protocol: 1, publicKey: createPublicKey(key), leader: null };
  events.connected('web-1', helloOf('web-1', { sites }), connection);
  const [event] = posted;
  assert.ok(event?.type === 'nodeConnected');
  assert.deepEqual(
    event.sites.map(({ site, lastDecision }) => [site, lastDecision?.release.epoch ?? null]),
    [
      ['docs', 7],
      ['blog', null],
      ['wiki', null],
    ],
  );
});

test('KEYS-11 JOB-25: after a rotation for a compromised key the CCM’s own decisions are known by its database, others by nothing', async () => {
  const { database, events, posted, forged, key } = await receiving();
  const compromised = generatePrivateKey();
  database.run(
    database.queries.insertInto('decisions').values({
      site: 'docs',
      ...decision.release,
      kind: 'commit',
      from_tree: null,
      to_tree: tree,
      decided_at: 1,
      signed: toJsonColumn(signObject(decision, compromised)),
      job: 'j1',
    }),
  );
  const shown = (what: SiteHolding) => {
    posted.length = 0;
    const connection = { id: '3', protocol: 1, publicKey: createPublicKey(key), leader: null };
    events.connected('web-1', helloOf('web-1', { sites: [what] }), connection);
    const [event] = posted;
    assert.ok(event?.type === 'nodeConnected');
    return event.sites[0]?.lastDecision?.release ?? null;
  };
  assert.deepEqual(shown(holding('docs', compromised)), decision.release);
  assert.deepEqual(forged, []);
  const invented = { ...decision, toTree: 'c'.repeat(40) };
  assert.equal(shown(holding('docs', compromised, invented)), null);
  assert.equal(
    shown(holding('docs', compromised, { ...decision, release: { epoch: 8, sequence: 71 } })),
    null,
  );
  assert.equal(shown(holding('blog', compromised)), null, 'of another site');
  assert.equal(forged.length, 3);
});

test('LEAD-3: words that were not a node’s are in the event log with the leader that carried them; who was only turned away is not', async () => {
  const { events, registry, posted, key } = await receiving();
  const refused = new TreecastError('MESSAGE_INVALID', 'not its word');
  const behind = { leader: 'web-2', wasOpen: true };
  events.refused({ node: 'web-1', address: '', behind }, refused);
  events.refused({ node: 'web-1', address: '', behind: { ...behind, wasOpen: false } }, refused);
  events.refused({ node: 'web-1', address: '10.0.0.1' }, refused);
  events.refused({ node: 'web-1', address: '', behind }, new TreecastError('NODE_REMOVED', 'it was removed'));
  const logged = registry.events
    .page({ after: 0, limit: 100 })
    .filter(({ kind }) => kind === 'node.report.refused');
  assert.deepEqual(
    logged.map(({ node, data }) => [node, data]),
    [['web-1', { leader: 'web-2', error: { code: 'MESSAGE_INVALID', message: 'not its word' } }]],
  );
  const connection = { id: '9', protocol: 1, publicKey: createPublicKey(key), leader: 'web-2' };
  events.connected('web-1', helloOf('web-1'), connection);
  const event = posted.at(-1);
  assert.ok(event?.type === 'nodeConnected');
  assert.equal(event.behind, 'web-2');
});
