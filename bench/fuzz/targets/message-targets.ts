// What comes over the network as JSON or text: messages of the link, API requests, tickets, join tokens, decisions, request targets.

import type { z } from 'zod';
import { parseRequestPath } from '../../../src/agent/static-server/request-path.ts';
import { canonicalJson } from '../../../src/assignment/canonical-json.ts';
import { fixturePublicKey, fixtureSigningKey } from '../../../src/assignment/container-fixture.ts';
import { verifyObject } from '../../../src/assignment/signed.ts';
import { endpoints } from '../../../src/ccm/api/endpoints.ts';
import { parseRequest } from '../../../src/ccm/api/parse-request.ts';
import { parseByteRange } from '../../../src/net/http/byte-range.ts';
import { formatJoinToken, parseJoinToken } from '../../../src/net/join/join-token.ts';
import { agentMessageSchema } from '../../../src/net/link/agent-message-schema.ts';
import { ccmMessageSchema } from '../../../src/net/link/ccm-message-schema.ts';
import { parseJsonFrame, parseJsonText, parseMessage } from '../../../src/net/link/parse-message.ts';
import { signedFrameSchema } from '../../../src/net/relay/leader-schemas.ts';
import { parseOpening } from '../../../src/net/relay/opening-schema.ts';
import { isGenuineFrame } from '../../../src/net/relay/signed-frame.ts';
import { issueTicket, verifyTicket } from '../../../src/net/tickets/ticket.ts';
import { verifyHandOut } from '../../../src/net/tree/hand-out.ts';
import type { Random } from '../../random.ts';
import { type FuzzTarget, promised } from '../fuzz-target.ts';
import {
  agentMessages,
  apiRequests,
  ccmMessages,
  frameFacts,
  handOut,
  opening,
  signedDecision,
  signedFrame,
  ticketFacts,
} from '../message-seeds.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson, spellJson } from '../mutate-json.ts';

function changedJson(seeds: readonly unknown[], random: Random): Buffer {
  const text = spellJson(mutateJson(random.pick(seeds), random), random);
  return random.once(6)
    ? mutateBytes(
        Buffer.from(text),
        random,
        seeds.map((seed) => Buffer.from(JSON.stringify(seed))),
      )
    : Buffer.from(text);
}

function messageTarget(name: string, seeds: readonly unknown[], schema: z.ZodType): FuzzTarget {
  return {
    name,
    make: (random) => changedJson(seeds, random),
    run(input) {
      parseMessage(parseJsonFrame(input, false), schema);
      return 'valid';
    },
  };
}

const apiTarget: FuzzTarget = {
  name: 'api-request',
  make: (random) => changedJson(apiRequests, random),
  run(input) {
    let request: { endpoint?: unknown; params?: object; query?: object; body?: unknown };
    try {
      request = JSON.parse(input.toString('utf8')) as typeof request;
    } catch {
      return 'not JSON';
    }
    if (typeof request !== 'object' || request === null) return 'not JSON';
    const endpoint = endpoints.find(({ method, path }) => `${method} ${path}` === request.endpoint);
    const { params, query, body } = request;
    const parts = { params, query, body } as unknown as Parameters<typeof parseRequest>[1];
    for (const one of endpoint ? [endpoint] : endpoints) parseRequest(one, parts);
    return 'valid';
  },
};

const expected = {
  keys: [fixturePublicKey],
  assignment: ticketFacts.assignment,
  fetcher: ticketFacts.fetcher,
  now: 1,
};
const ticketText = issueTicket(ticketFacts, fixtureSigningKey);

/** Base64url of JSON, behind a prefix: changed inside or outside. */
function changedToken(text: string, prefix: string, random: Random): Buffer {
  const value = JSON.parse(Buffer.from(text.slice(prefix.length), 'base64url').toString('utf8')) as unknown;
  if (random.once(3)) return mutateBytes(Buffer.from(text), random, [Buffer.from(text)]);
  const inside = random.once(6)
    ? mutateBytes(Buffer.from(JSON.stringify(value)), random, [Buffer.from(text)])
    : Buffer.from(spellJson(mutateJson(value, random), random));
  return Buffer.from(prefix + inside.toString('base64url'));
}

const ticketTarget: FuzzTarget = {
  name: 'ticket',
  make: (random) => changedToken(ticketText, '', random),
  run(input) {
    const ticket = verifyTicket(input.toString('utf8'), expected);
    promised(
      JSON.stringify(ticket) === JSON.stringify({ version: 1, purpose: 'fetch', ...ticketFacts }),
      'a ticket that nobody issued',
    );
    return 'valid';
  },
};

const tokenText = formatJoinToken({
  url: 'https://ccm.example.org:7443',
  secret: 'a'.repeat(32),
  fingerprint: 'ab'.repeat(32),
});

const joinTokenTarget: FuzzTarget = {
  name: 'join-token',
  make: (random) => changedToken(tokenText, 'tcj_', random),
  run(input) {
    const { url, secret, fingerprint } = parseJoinToken(input.toString('utf8'));
    promised(
      new URL(url).origin === url && secret.length <= 128 && fingerprint.length === 64,
      'a token out of bounds',
    );
    return 'valid';
  },
};

const decisionTarget: FuzzTarget = {
  name: 'decision',
  make: (random) => changedJson([signedDecision], random),
  run(input) {
    let value: unknown;
    try {
      value = JSON.parse(input.toString('utf8'));
    } catch {
      return 'not JSON';
    }
    if (typeof value !== 'object' || value === null || !('signature' in value)) return 'not signed';
    const isValid = verifyObject(value as { signature: string }, fixturePublicKey);
    if (!isValid) return 'not signed';
    promised(
      canonicalJson(value) === canonicalJson(signedDecision),
      'a signature holds for what was not signed',
    );
    return 'valid';
  },
};

const handOutTarget: FuzzTarget = {
  name: 'hand-out',
  make: (random) => changedJson([handOut], random),
  run(input) {
    const expected = { keys: [fixturePublicKey], node: handOut.node, now: 0 };
    const verified = verifyHandOut(parseJsonFrame(input, false), expected);
    promised(
      canonicalJson({ ...verified, signature: handOut.signature }) === canonicalJson(handOut),
      'a hand-out that nobody signed',
    );
    return 'valid';
  },
};

const frameTarget: FuzzTarget = {
  name: 'carried-word',
  make: (random) => changedJson([signedFrame], random),
  run(input) {
    const frame = parseMessage(parseJsonFrame(input, false), signedFrameSchema);
    const { session, node, counter } = frameFacts;
    const isValid = isGenuineFrame(frame, { session, node, above: counter - 1, key: fixturePublicKey });
    if (!isValid) return 'not the node’s';
    promised(canonicalJson(frame) === canonicalJson(signedFrame), 'a word that the node did not say');
    return 'valid';
  },
};

const openingTarget: FuzzTarget = {
  name: 'opening',
  make: (random) => changedJson([opening], random),
  run(input) {
    const { hello, told } = parseOpening(parseJsonText(input.toString('utf8')));
    promised(
      hello.sites.length <= 1_000 && Object.keys(told.sites).length <= 1_000,
      'an opening out of bounds',
    );
    return 'valid';
  },
};

const targets = [
  '/',
  '/index.html',
  '/a/b/c.css?x=1',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/a%2fb',
  '/caf%C3%A9/%F0%9F%98%80',
  '/.well-known/x',
  '/%00',
  '/a//b',
  '/..;/x',
  '/a/./b',
  '/%c0%ae%c0%ae/',
  '/a\\..\\b',
  '*',
  'http://x/y',
  '/a%',
].map((text) => Buffer.from(text));
const ranges = [
  'bytes=0-',
  'bytes=-1',
  'bytes=5-2',
  'bytes=0-0,1-1',
  'bytes=99999999999999999999-',
  'bytes = 1 - 2',
  'items=1-2',
].map((text) => Buffer.from(text));

const httpTarget: FuzzTarget = {
  name: 'http-path',
  make: (random) =>
    Buffer.concat([
      mutateBytes(random.pick(targets), random, targets),
      Buffer.from('\n'),
      mutateBytes(random.pick(ranges), random, ranges),
    ]),
  run(input) {
    const [target = '', range = ''] = input.toString('latin1').split('\n');
    const size = input.length;
    const asked = parseByteRange(range, size);
    if (typeof asked === 'object')
      promised(
        asked.start >= 0 && asked.start <= asked.end && asked.end < size,
        'a range outside of the file',
      );
    const path = parseRequestPath(target);
    if ('refused' in path) return `refused ${path.refused}`;
    for (const name of path.names)
      promised(
        name !== '' && name !== '..' && name !== '.' && !/[/\0]/.test(name),
        'a name that leaves its directory',
      );
    return 'valid';
  },
};

export const messageTargets: readonly FuzzTarget[] = [
  messageTarget('agent-message', agentMessages, agentMessageSchema),
  messageTarget('ccm-message', ccmMessages, ccmMessageSchema),
  apiTarget,
  ticketTarget,
  handOutTarget,
  joinTokenTarget,
  decisionTarget,
  frameTarget,
  openingTarget,
  httpTarget,
];
