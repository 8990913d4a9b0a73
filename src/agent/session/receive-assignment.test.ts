// What is left of an assignment that does not arrive whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createRangeSource } from '../content/range-source.ts';
import { createSpaceLedger } from '../store/space-ledger.ts';
import { type ModelTree, modelFile } from '../store/testing/model-tree.ts';
import { assignmentBetween, kitGrant, kitSite, openKitStore, release } from '../store/testing/site-kit.ts';
import { silentLog } from './agent-log.ts';
import { createProgressMeter } from './progress-meter.ts';
import { type AssignmentMessage, addressOf, receiveAssignment } from './receive-assignment.ts';

const tree: ModelTree = new Map([['index.html', modelFile('a page', 1_000)]]);

test('N39: an assignment that does not arrive whole and right, inside its message or by ranges, keeps no claim on space', async (t) => {
  const ledger = createSpaceLedger();
  const store = await openKitStore(temporaryDirectory(t), undefined, kitGrant, ledger);
  t.after(() => store.close());
  const { header, manifest, data } = assignmentBetween(release(1), new Map(), tree);
  const inline = (bytes: Buffer) =>
    ({
      kind: 'inline',
      manifest: manifest.toString('base64'),
      data: bytes.toString('base64'),
    }) as const;
  const receive = (source: AssignmentMessage['source'], id = header.id) => {
    const message: AssignmentMessage = {
      type: 'assignment',
      site: kitSite,
      id,
      release: header.release,
      source,
    };
    const progress = createProgressMeter({
      site: kitSite,
      assignment: header.id,
      now: Date.now,
      report: () => undefined,
    });
    const sources = [createRangeSource('ccm', ranges, (url) => addressOf(url, 'https://127.0.0.1'))];
    const receiver = { sourcesOf: () => sources, log: silentLog };
    return receiveAssignment(store, message, receiver, progress, new AbortController().signal);
  };
  const ranges = {
    fetchFile: async () => manifest,
    fetchBlocks: () => Promise.reject(new TreecastError('CCM_UNREACHABLE', 'cut off')),
    close: async () => undefined,
  };
  const url = (dataBytes: number, dataUrl = 'data') =>
    ({
      kind: 'url',
      ticket: 't',
      manifestUrl: 'manifest',
      manifestBytes: manifest.length,
      dataUrl,
      dataBytes,
    }) as const;
  const spoilt = Buffer.from(data);
  spoilt.writeUInt8((spoilt[0] as number) ^ 1, 0);
  for (const [receiving, code] of [
    [() => receive(inline(spoilt)), 'ASSIGNMENT_BLOCK_CORRUPT'],
    [() => receive(inline(data.subarray(0, -1))), 'ASSIGNMENT_BLOCK_CORRUPT'],
    [() => receive(inline(data), 'another'), 'ASSIGNMENT_MALFORMED'],
    [() => receive(url(data.length + 1)), 'ASSIGNMENT_MALFORMED'],
    [() => receive(url(data.length, 'http://plain.example/')), 'MESSAGE_INVALID'],
    [() => receive(url(data.length)), 'CCM_UNREACHABLE'],
  ] as const) {
    await assert.rejects(receiving(), { code });
    assert.equal(ledger.claims.size, 0, code);
  }
  const entry = await receive(inline(data));
  assert.deepEqual(entry.missingBlocks(), []);
  assert.equal(ledger.claims.size, 1);
});
