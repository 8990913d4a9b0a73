import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { readBody } from '../../net/http/read-body.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { NodeCredentials } from '../../net/testing/node-credentials.ts';
import type { TestScope } from '../../net/testing/temporary-directory.ts';
import { issueTicket } from '../../net/tickets/ticket.ts';
import { ccmConnectionOptions } from '../../net/tls/tls-settings.ts';
import { type RunningGateway, type RunningGatewayOptions, runGateway } from './testing/running-gateway.ts';

const id = 'a'.repeat(64);

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

interface Fetching {
  readonly running: RunningGateway;
  readonly node: NodeCredentials;
  readonly data: Buffer;
  readonly ticket: string;
  get(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
}

async function setUp(t: TestScope, options: RunningGatewayOptions = {}): Promise<Fetching> {
  const running = await runGateway(t, options);
  const node = await running.addNode('web-1');
  const data = randomBytes(700_000);
  const paths = {
    manifestPath: join(running.directory, 'manifest'),
    dataPath: join(running.directory, 'data'),
  };
  writeFileSync(paths.manifestPath, 'the manifest');
  writeFileSync(paths.dataPath, data);
  running.assignments.set(id, paths);
  const agent = new Agent({
    ...ccmConnectionOptions({ identity: node.identity, ca: running.certificates.certificate }),
    keepAlive: true,
  });
  t.after(() => agent.destroy());
  const facts = { job: 'j-1', assignment: id, fetcher: 'web-1', expiresAt: Date.now() + 60_000 };
  const ticket = issueTicket(facts, running.releaseKey);
  return {
    running,
    node,
    data,
    ticket,
    get: (path, headers = { authorization: `Ticket ${ticket}` }, method = 'GET') =>
      new Promise((resolve, reject) => {
        const outgoing = request(running.url + path, { agent, headers, method });
        outgoing.on('error', reject);
        outgoing.on('response', (response) => {
          readBody(response, 1_000_000).then(
            (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes }),
            reject,
          );
        });
        outgoing.end();
      }),
  };
}

function codeOf({ bytes }: Answer): string {
  return (JSON.parse(bytes.toString()) as { error: { code: string } }).error.code;
}

test('LINK-15: manifest and data, whole and by range', async (t) => {
  const { get, ticket, data } = await setUp(t);
  const authorization = `Ticket ${ticket}`;
  const manifest = await get(`/assignments/${id}/manifest`);
  assert.deepEqual([manifest.status, manifest.bytes.toString()], [200, 'the manifest']);
  const whole = await get(`/assignments/${id}/data`);
  assert.ok(whole.status === 200 && whole.bytes.equals(data));
  const part = await get(`/assignments/${id}/data`, { authorization, range: 'bytes=131072-393215' });
  assert.equal(part.status, 206);
  assert.equal(part.headers['content-range'], `bytes 131072-393215/${data.length}`);
  assert.ok(part.bytes.equals(data.subarray(131_072, 393_216)));
  const beyond = await get(`/assignments/${id}/data`, { authorization, range: 'bytes=700000-' });
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${data.length}`]);
  const head = await get(`/assignments/${id}/data`, { authorization }, 'HEAD');
  assert.deepEqual([head.status, head.headers['content-length']], [200, String(data.length)]);
});

test('LINK-14: without a ticket, with an expired, forged or another node’s one, nothing is served', async (t) => {
  const { get, running } = await setUp(t);
  const facts = { job: 'j-1', assignment: id, fetcher: 'web-1', expiresAt: Date.now() + 60_000 };
  const other = await runGateway(t);
  const tickets = [
    issueTicket({ ...facts, expiresAt: Date.now() - 1 }, running.releaseKey),
    issueTicket({ ...facts, fetcher: 'web-2' }, running.releaseKey),
    issueTicket({ ...facts, assignment: 'b'.repeat(64) }, running.releaseKey),
    issueTicket(facts, other.releaseKey),
    'nonsense',
  ];
  for (const ticket of tickets) {
    const answer = await get(`/assignments/${id}/data`, { authorization: `Ticket ${ticket}` });
    assert.deepEqual([answer.status, codeOf(answer)], [403, 'TICKET_INVALID']);
  }
  for (const authorization of ['', 'Bearer x']) {
    assert.equal(codeOf(await get(`/assignments/${id}/data`, { authorization })), 'TICKET_INVALID');
  }
});

test('LINK-10 LINK-15: removed nodes and unknown addresses get nothing', async (t) => {
  const { get, running, ticket } = await setUp(t);
  const authorization = `Ticket ${ticket}`;
  for (const path of ['/', '/assignments', `/assignments/${id}`, `/assignments/${id}/../x`, '/join/x']) {
    assert.equal(codeOf(await get(path)), 'NOT_FOUND', path);
  }
  running.assignments.clear();
  assert.equal(codeOf(await get(`/assignments/${id}/data`)), 'NOT_FOUND');
  assert.equal(codeOf(await get(`/assignments/${id}/data`, { authorization }, 'DELETE')), 'INVALID_INPUT');
  running.nodes.delete('web-1');
  assert.equal(codeOf(await get(`/assignments/${id}/data`)), 'CERTIFICATE_INVALID');
});

test('TREE-73 X19: what all fetch together takes as long as the CCM’s limit says', async (t) => {
  const clock = createManualClock(Date.now());
  const { get, data, ticket } = await setUp(t, { clock, uplink: { mbit: 8, hours: [] } });
  const authorization = `Ticket ${ticket}`;
  const paths = ['data', 'data', 'manifest'].map((part) => `/assignments/${id}/${part}`);
  const answers = paths.map((path) => get(path, { authorization }));
  let done = 0;
  for (const answer of answers) void answer.then(() => (done += 1));
  const startedAt = clock.now();
  while (done < answers.length) {
    await new Promise(setImmediate);
    // Time passes only while somebody waits for the limit: other timers here are longer.
    const [next] = clock.waiting();
    if (next !== undefined && next <= 50) clock.advance(next);
  }
  const tookMs = clock.now() - startedAt;
  assert.ok(tookMs >= 1_300 && tookMs < 1_500, `1,400,000 bytes at 1,000,000 a second: ${tookMs} ms`);
  const [one, two, manifest] = await Promise.all(answers);
  assert.ok(one?.bytes.equals(data) && two?.bytes.equals(data));
  assert.equal(manifest?.bytes.toString(), 'the manifest');
});
