// What counts as free when it is decided whether a release may be received: bytes and inodes, what other sites claimed, all its parts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { createDisk, type Disk } from './disk.ts';
import { createSiteSpace, createSpaceLedger } from './space-ledger.ts';
import { assignmentBetween, makeRoot, release } from './testing/site-kit.ts';

const mib = 1024 ** 2;

/** 100 MiB and 1,000 inodes are left for everybody, and more blocks for root alone. */
function smallDisk(left: Partial<fs.StatsFs> = {}): Disk {
  return {
    ...createDisk(),
    statfs: () => ({
      type: 0,
      bsize: 4096,
      frsize: 4096,
      blocks: 10 ** 6,
      bfree: 10 ** 6,
      bavail: 25_600,
      files: 2000,
      ffree: 1000,
      ...left,
    }),
  };
}

function headerOf(
  decodedBytes: number,
  inodes: number,
  part: AssignmentHeader['part'] = { index: 1, of: 1 },
) {
  const space = { inboxBytes: 0, decodedBytes, temporaryBytes: mib, inodes };
  return assignmentBetween(release(2), new Map(), new Map(), { space, part }).header;
}

test('N39: bytes that only root may take do not count, and what is missing is said in words, with the place', (t) => {
  const root = makeRoot();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const space = createSiteSpace(smallDisk(), root);
  space.claim(headerOf(97 * mib, 1000), 2 * mib);
  assert.throws(() => space.claim(headerOf(98 * mib, 1010), 2 * mib), {
    code: 'SPACE_INSUFFICIENT',
    message: `the release needs 101 MiB and 1010 inodes on the file system of ${root}, which has 100 MiB and 1000 inodes left`,
    fix: 'Free at least 1.0 MiB and 10 inodes there, then publish again.',
    data: {
      directory: root,
      missingBytes: mib,
      missingInodes: 10,
      requiredBytes: 101 * mib,
      requiredInodes: 1010,
      availableBytes: 100 * mib,
      availableInodes: 1000,
    },
  });
  assert.throws(() => space.claim(headerOf(mib, 1001), 0), {
    fix: 'Free at least 1 inode there, then publish again.',
  });
});

test('N39: a file system without a number of inodes, such as btrfs, has no end of them', (t) => {
  const root = makeRoot();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const space = createSiteSpace(smallDisk({ files: 0, ffree: 0 }), root);
  space.claim(headerOf(mib, 10 ** 6), 0);
  assert.throws(() => space.claim(headerOf(100 * mib, 10 ** 6), 0), {
    message: /which has 100 MiB left/,
    data: {
      directory: root,
      missingBytes: mib,
      missingInodes: 0,
      requiredBytes: 101 * mib,
      requiredInodes: 10 ** 6,
      availableBytes: 100 * mib,
      availableInodes: null,
    },
  });
});

test('N39: blocks are counted in fragments where a file system says how large those are', (t) => {
  const root = makeRoot();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const space = createSiteSpace(smallDisk({ bsize: 1024 ** 2, frsize: 4096 }), root);
  assert.throws(() => space.claim(headerOf(100 * mib, 0), 0), { message: /which has 100 MiB/ });
});

test('N39: sites that are published at once do not count on the same space; what was written or is over counts no more', (t) => {
  const roots = [makeRoot(), makeRoot()] as const;
  t.after(() => {
    for (const root of roots) fs.rmSync(root, { recursive: true });
  });
  const ledger = createSpaceLedger();
  const [first, second] = roots.map((root) => createSiteSpace(smallDisk(), root, ledger));
  assert.ok(first && second);
  const own = headerOf(79 * mib, 100);
  first.claim(own, 0);
  const other = headerOf(59 * mib, 100);
  assert.throws(() => second.claim(other, 0), {
    code: 'SPACE_INSUFFICIENT',
    message:
      /needs 60\.0 MiB .* has 100 MiB and 1000 inodes left, of which other sites that are being published take 80\.0 MiB and 100 inodes/,
  });
  first.claim(own, 0);
  first.written(0.5);
  second.claim(other, 0);
  second.release(({ id }) => id === other.id);
  first.claim(own, 0);
  assert.throws(() => second.claim(other, 0), { code: 'SPACE_INSUFFICIENT' });
  first.release();
  second.claim(other, 0);
});

test('N39: the parts of a release count together', (t) => {
  const root = makeRoot();
  t.after(() => fs.rmSync(root, { recursive: true }));
  const space = createSiteSpace(smallDisk(), root);
  space.claim(headerOf(49 * mib, 0, { index: 1, of: 3 }), 0);
  space.claim(headerOf(48 * mib, 0, { index: 2, of: 3 }), 0);
  assert.throws(() => space.claim(headerOf(mib, 0, { index: 3, of: 3 }), 0), { code: 'SPACE_INSUFFICIENT' });
  assert.equal(space.claimed().bytes, 99 * mib);
});
