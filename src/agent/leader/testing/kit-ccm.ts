// A CCM for tests of the leader's part: it serves assignments by ranges, when it is let, and counts what it served; and assignments and tickets as it
// makes them.

import { type KeyObject, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fixtureFacts, fixtureSigningKey } from '../../../assignment/container-fixture.ts';
import { type EncodedAssignment, encodeAssignment } from '../../../assignment/encode-assignment.ts';
import { parseByteRange } from '../../../net/http/byte-range.ts';
import { runScriptedCcm, type ScriptedCcm } from '../../../net/testing/scripted-ccm.ts';
import type { TestScope } from '../../../net/testing/temporary-directory.ts';
import { issueTicket, segmentFetcher } from '../../../net/tickets/ticket.ts';
import type { AssignmentMessage } from '../../session/receive-assignment.ts';

export const kitSegment = 'c0'.repeat(16);
export const kitSession = 'ab'.repeat(16);
export const nowMs = 1_800_000_000_000;

/** About so many sealed bytes. */
export function kitAssignment(bytes: number, release = fixtureFacts.release): EncodedAssignment {
  const content = randomBytes(bytes);
  return encodeAssignment(
    { ...fixtureFacts, release },
    [
      {
        command: {
          do: 'write',
          path: 'large.bin',
          mode: '100644',
          blob: '0'.repeat(40),
          size: bytes,
          mtime: 1,
        },
        payload: { codec: 'store', cipher: 'aes-256-gcm', bytes: content },
      },
    ],
    {
      dataKey: randomBytes(32),
      contentKey: { id: 'sample-1', key: randomBytes(32).toString('base64') },
      signingKey: fixtureSigningKey,
    },
  );
}

export function kitTicket(
  facts: Partial<Parameters<typeof issueTicket>[0]> & { readonly assignment: string },
  key: KeyObject = fixtureSigningKey,
): string {
  const fetcher = segmentFetcher(kitSegment);
  return issueTicket({ job: 'j-1', fetcher, expiresAt: nowMs + 60_000, ...facts }, key);
}

export function urlMessage(
  { header, manifest, data }: EncodedAssignment,
  ticket?: string,
): AssignmentMessage {
  const { id, site, release } = header;
  const source = {
    kind: 'url',
    manifestUrl: `/assignments/${id}/manifest`,
    dataUrl: `/assignments/${id}/data`,
    manifestBytes: manifest.length,
    dataBytes: data.length,
    ticket: ticket ?? kitTicket({ assignment: id }),
  } as const;
  return { type: 'assignment', site, id, release, source };
}

export interface KitCcm extends ScriptedCcm {
  /** What it serves, by id. */
  readonly assignments: Map<string, EncodedAssignment>;
  /** Bytes of data that it gave out. */
  served(): number;
  /** Data is given up to here, in bytes of the file, and the rest later; undefined: all. */
  gate: { at: number | undefined; open(): void };
  /** Answers that are under way. */
  answering(): number;
}

export async function runKitCcm(t: TestScope): Promise<KitCcm> {
  const assignments = new Map<string, EncodedAssignment>();
  let served = 0;
  let answering = 0;
  let opened = Promise.withResolvers<void>();
  const gate: KitCcm['gate'] = {
    at: undefined,
    open() {
      gate.at = undefined;
      opened.resolve();
      opened = Promise.withResolvers();
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, id = '', part] = /^\/assignments\/([0-9a-f]+)\/(manifest|data)$/.exec(request.url ?? '') ?? [];
    const assignment = assignments.get(id);
    if (assignment === undefined) {
      response.writeHead(404).end(JSON.stringify({ error: { code: 'NOT_FOUND', message: 'Not here.' } }));
      return;
    }
    const bytes = part === 'manifest' ? assignment.manifest : assignment.data;
    const range = parseByteRange(request.headers.range, bytes.length);
    if (typeof range === 'string') throw new Error('a leader asks for ranges that are there');
    response.writeHead(206, {
      'content-range': `bytes ${range.start}-${range.end}/${bytes.length}`,
      'content-length': range.end - range.start + 1,
    });
    for (let at = range.start; at <= range.end && !response.destroyed; ) {
      if (part === 'data' && gate.at !== undefined && at >= gate.at) {
        await opened.promise;
        continue;
      }
      const end = Math.min(range.end + 1, at + 65_536, part === 'data' ? (gate.at ?? Infinity) : Infinity);
      if (part === 'data') served += end - at;
      response.write(bytes.subarray(at, end));
      at = end;
    }
    response.end();
  }

  const ccm = await runScriptedCcm(t, {
    onRequest(incoming, response) {
      answering += 1;
      response.once('close', () => {
        answering -= 1;
      });
      void answer(incoming, response);
    },
  });
  t.after(() => gate.open());
  return { ...ccm, assignments, served: () => served, gate, answering: () => answering };
}
