import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTranscript } from './testing/run-transcript.ts';

const folder = join(import.meta.dirname, 'transcripts');

for (const file of readdirSync(folder)) {
  test(`transcript ${file}`, () => {
    const text = readFileSync(join(folder, file), 'utf8');
    const played = runTranscript(text);
    if (process.env['WRITE_TRANSCRIPTS'] === '1') writeFileSync(join(folder, file), played);
    assert.equal(played, process.env['WRITE_TRANSCRIPTS'] === '1' ? played : text);
  });
}
