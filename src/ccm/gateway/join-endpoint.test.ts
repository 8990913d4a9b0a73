import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { test } from 'node:test';
import { readBody } from '../../net/http/read-body.ts';
import { checkCcmIdentity } from '../../net/tls/certificate-names.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { createSigningRequest } from '../../net/tls/signing-request.ts';
import { type RunningGateway, runGateway } from './testing/running-gateway.ts';

const secret = 's'.repeat(43);

interface Answer {
  readonly status: number;
  readonly body: {
    readonly error?: { readonly code: string };
    readonly certificate?: string;
    readonly ca?: string;
  };
}

function post({ url, certificates }: RunningGateway, body: unknown, method = 'POST'): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/join`, {
      method,
      ca: certificates.certificate,
      checkServerIdentity: checkCcmIdentity,
      agent: false,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      readBody(response, 1_000_000).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, body: JSON.parse(bytes.toString()) }),
        reject,
      );
    });
    outgoing.end(text);
  });
}

async function joinBody(name: string, more: object = {}): Promise<object> {
  return {
    version: 1,
    secret,
    name,
    request: await createSigningRequest(generatePrivateKey(), name),
    ...more,
  };
}

test('LINK-13: a good secret buys one certificate, which is registered', async (t) => {
  const running = await runGateway(t);
  running.secrets.set(secret, 'good');
  const body = await joinBody('web-1');
  const { status, body: answer } = await post(running, body);
  assert.equal(status, 200);
  const certificate = new X509Certificate(answer.certificate ?? '');
  assert.equal(certificate.subjectAltName, 'URI:treecast:node:web-1');
  assert.equal(answer.ca, running.certificates.certificate);
  assert.equal(running.nodes.get('web-1'), certificate.fingerprint256.replaceAll(':', '').toLowerCase());
  const again = await post(running, body);
  assert.deepEqual(
    again,
    { status, body: answer },
    'the very same request gets the answer that may have been lost',
  );
  const second = await post(running, await joinBody('web-1'));
  assert.deepEqual([second.status, second.body.error?.code], [403, 'JOIN_TOKEN_INVALID']);
});

test('LINK-13: a request that is refused does not use the secret up', async (t) => {
  const running = await runGateway(t);
  running.secrets.set(secret, 'good');
  const refused: readonly [object | string, string][] = [
    [await joinBody('web-1', { name: 'web-2' }), 'CERTIFICATE_INVALID'],
    [await joinBody('web-1', { request: 'nonsense' }), 'CERTIFICATE_INVALID'],
    [await joinBody('web-1', { name: '../x' }), 'MESSAGE_INVALID'],
    [await joinBody('web-1', { more: 1 }), 'MESSAGE_INVALID'],
    [await joinBody('web-1', { version: 2 }), 'MESSAGE_INVALID'],
    ['{', 'INVALID_INPUT'],
    ['x'.repeat(100_000), 'INVALID_INPUT'],
  ];
  for (const [body, code] of refused) assert.equal((await post(running, body)).body.error?.code, code);
  assert.equal((await post(running, await joinBody('web-1'))).status, 200);
});

test('LINK-13: used, expired and unknown secrets are refused, and soon so is whoever keeps trying', async (t) => {
  const running = await runGateway(t);
  running.secrets.set(secret, 'expired');
  const body = await joinBody('web-1');
  const codes: (string | undefined)[] = [];
  for (let n = 0; n < 22; n++) codes.push((await post(running, body)).body.error?.code);
  assert.deepEqual(new Set(codes.slice(0, 20)), new Set(['JOIN_TOKEN_INVALID']));
  assert.deepEqual(codes.slice(20), ['RATE_LIMITED', 'RATE_LIMITED']);
});

test('LINK-13: who has a good token joins, however many wrong ones its address has shown', async (t) => {
  const running = await runGateway(t);
  const wrong = await joinBody('web-1', { secret: 'w'.repeat(43) });
  for (let n = 0; n < 25; n++) await post(running, wrong);
  assert.equal((await post(running, wrong)).body.error?.code, 'RATE_LIMITED');
  running.secrets.set(secret, 'good');
  assert.equal((await post(running, await joinBody('web-1'))).status, 200);
});

test('other routes want a certificate, and join wants POST', async (t) => {
  const running = await runGateway(t);
  assert.equal((await post(running, '', 'GET')).body.error?.code, 'INVALID_INPUT');
});
