// R2.6: what is larger than an assignment may be is refused with a code that says what and how much, before it costs memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBodyEncoder, lineBytesMax } from './body-text.ts';
import { fixtureFacts, fixtureSeal } from './container-fixture.ts';
import { createDataEncoder } from './data-encoder.ts';
import { encodeAssignment } from './encode-assignment.ts';
import { commandsMax, dataPlainBytesMax, parseHeader } from './header-schema.ts';
import { headerBytesMax, joinManifest, manifestBytesMax, splitManifest } from './manifest-frame.ts';

/** Never written to, so that it takes no memory. */
const untouched = (bytes: number): Buffer => Buffer.alloc(bytes);
const noSignature = (): Buffer => {
  throw new Error('nothing too large is signed');
};
const tooLarge = (what: string, bytes: number, bytesMax: number) => ({
  code: 'ASSIGNMENT_TOO_LARGE',
  message: `the ${what} of the assignment has ${bytes} bytes; ${bytesMax} are allowed`,
});

test('R2.6 ASG-5 a manifest above 256 MiB is neither made nor read', () => {
  const body = untouched(manifestBytesMax);
  assert.throws(
    () => joinManifest(Buffer.from('{}'), body, noSignature),
    tooLarge('manifest', manifestBytesMax + 110, manifestBytesMax),
  );
  assert.throws(
    () => splitManifest(untouched(manifestBytesMax + 1)),
    tooLarge('manifest', manifestBytesMax + 1, manifestBytesMax),
  );
});

test('R2.6 ASG-5 a header above 8 MiB is neither made nor read', () => {
  const header = untouched(headerBytesMax + 1);
  assert.throws(
    () => joinManifest(header, Buffer.alloc(0), noSignature),
    tooLarge('header', headerBytesMax + 1, headerBytesMax),
  );
  const manifest = untouched(headerBytesMax + 1_000);
  manifest.write('TCA1');
  manifest.writeUInt32BE(headerBytesMax + 1, 4);
  assert.throws(() => splitManifest(manifest), tooLarge('header', headerBytesMax + 1, headerBytesMax));
});

test('R2.6 ASG-14 a command above 1 MiB of text is not encoded', () => {
  const line = 'x'.repeat(lineBytesMax);
  assert.throws(
    () => createBodyEncoder().add(line),
    tooLarge('longest command', lineBytesMax + 1, lineBytesMax),
  );
});

test('R2.6 ASG-3 data above 4 GiB does not go into one assignment', () => {
  const encoder = createDataEncoder({ onBlock: () => undefined, plainBytesMax: 1_000 });
  encoder.add('none', Buffer.alloc(1_000));
  assert.throws(() => encoder.add('none', Buffer.alloc(1)), tooLarge('data', 1_001, 1_000));
  assert.equal(dataPlainBytesMax, 4 * 1024 ** 3);
});

test('R2.6 ASG-11 a header that counts more than 4,000,000 commands is refused', () => {
  const { header } = encodeAssignment(fixtureFacts, [], fixtureSeal);
  assert.ok(parseHeader({ ...header, counts: { remove: commandsMax } }));
  for (const counts of [{ remove: commandsMax + 1 }, { remove: commandsMax, mkdir: 1 }]) {
    assert.throws(() => parseHeader({ ...header, counts }), {
      code: 'ASSIGNMENT_MALFORMED',
      message: /counts.*4000000/,
    });
  }
  assert.equal(commandsMax, 4_000_000);
});
