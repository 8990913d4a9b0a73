// Pushes without a git client: objects that none would send, in a pack made by hand, or none at all, posted as a client posts them; and what
// the terminal would show.

import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { bodyOf } from '../../../src/git-source/endpoint/test-push.ts';
import { createTestObjects, type TestObjects } from '../../../src/git-source/test-objects.ts';

type RawObject = readonly [type: string, bytes: Buffer];

/** Takes objects into memory, for {@link rawPush}. */
export function objectCollector(): {
  readonly objects: TestObjects;
  readonly collected: ReadonlyMap<string, RawObject>;
} {
  const collected = new Map<string, RawObject>();
  const objects = createTestObjects((type, bytes) => {
    const id = createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex');
    collected.set(id, [type, bytes]);
    return id;
  });
  return { objects, collected };
}

const packTypes: Readonly<Record<string, number>> = { commit: 1, tree: 2, blob: 3 };

function packOf(objects: Iterable<RawObject>): Buffer {
  const all = [...objects];
  const head = Buffer.alloc(12);
  head.write('PACK');
  head.writeUInt32BE(2, 4);
  head.writeUInt32BE(all.length, 8);
  const body = Buffer.concat([
    head,
    ...all.flatMap(([type, bytes]) => [sizeOf(packTypes[type] as number, bytes.length), deflateSync(bytes)]),
  ]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

function sizeOf(type: number, length: number): Buffer {
  const bytes: number[] = [];
  let left = Math.floor(length / 16);
  bytes.push((type << 4) | (length & 15) | (left > 0 ? 0x80 : 0));
  while (left > 0) {
    const next = Math.floor(left / 128);
    bytes.push((left & 127) | (next > 0 ? 0x80 : 0));
    left = next;
  }
  return Buffer.from(bytes);
}

/** `url` with user and token in it; without objects: the server has them. What the pusher's terminal would show, or why it was refused. */
export async function rawPush(
  url: string,
  commit: string,
  objects: Iterable<RawObject> = [],
  ref = 'refs/heads/main',
): Promise<string> {
  const at = new URL(url);
  const authorization = `Basic ${Buffer.from(`${at.username}:${at.password}`).toString('base64')}`;
  at.username = '';
  at.password = '';
  const advertised = await fetch(`${at.href}/info/refs?service=git-receive-pack`, {
    headers: { authorization },
  });
  const refs = await advertised.text();
  if (!advertised.ok) return refs;
  const before = new RegExp(`([0-9a-f]{40}) ${ref}\n`).exec(refs)?.[1];
  const capabilities = 'report-status side-band-64k object-format=sha1 agent=hand';
  const answer = await fetch(`${at.href}/git-receive-pack`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-git-receive-pack-request' },
    body: new Uint8Array(bodyOf({ before, commit, ref, capabilities }, packOf(objects))),
  });
  const told = Buffer.from(await answer.arrayBuffer());
  return answer.ok ? sidebandText(told) : told.toString('utf8');
}

/** What came for the terminal and the report, packets taken apart. */
function sidebandText(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 4), 16);
    if (!(length >= 4)) {
      at += 4;
      continue;
    }
    text += bytes.toString('utf8', at + 5, at + length);
    at += length;
  }
  return text;
}
