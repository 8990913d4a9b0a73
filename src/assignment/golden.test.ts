import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fixturePublicKey, understand } from './container-fixture.ts';
import { describeAssignment } from './describe-assignment.ts';
import { goldenAssignments, goldenDirectory } from './golden-assignments.ts';
import { splitManifest } from './manifest-frame.ts';
import { renderAssignment } from './render-assignment.ts';

const golden = (file: string) => readFileSync(new URL(file, goldenDirectory));
/** Another zstd may pack the body differently; what it unpacks to, and all else, must stay the same. */
const sameZstd = golden('zstd-version').toString().trim() === process.versions['zstd'];

describe('golden assignments', () => {
  for (const [name, make] of Object.entries(goldenAssignments)) {
    test(`ASG-2: ${name} is encoded to the bytes of the golden files`, () => {
      const made = make();
      assert.ok(made.data.equals(golden(`${name}.data`)), 'data');
      const manifest = golden(`${name}.manifest`);
      if (sameZstd) assert.ok(made.manifest.equals(manifest), 'manifest');
      const { id: _, ...header } = made.header;
      const { id: __, ...goldenHeader } = JSON.parse(
        splitManifest(manifest).header.toString(),
      ) as typeof made.header;
      assert.deepEqual(header, goldenHeader);
    });

    test(`ASG-2: the golden files of ${name} are read to what they were made of`, () => {
      const { commands, payloads } = understand(golden(`${name}.manifest`), golden(`${name}.data`));
      const made = make();
      const fresh = understand(made.manifest, made.data);
      assert.deepEqual(commands, fresh.commands);
      assert.deepEqual(payloads, fresh.payloads);
    });
  }

  test('R2.4: inspection shows every field and command, and says what was checked', () => {
    const manifest = golden('every-command.manifest');
    const data = golden('every-command.data');
    const description = describeAssignment(manifest, { data, keys: [fixturePublicKey] });
    assert.equal(description.signature, 'verified');
    assert.deepEqual(description.data, { corruptBlocks: [] });
    assert.equal(description.commands.length, 11);
    const text = renderAssignment(description);
    for (const word of [
      '1-0042',
      'publish',
      'sample',
      'linux-web-1',
      'verified',
      'every block as signed',
      'assets/picture.gif',
      'sample-1',
    ]) {
      assert.ok(text.includes(word), word);
    }
    assert.ok(text.includes('"run \\"me\\"\\n.sh"'), 'a newline in a path is escaped');
    const changed = Buffer.from(data);
    changed[0] = (changed[0] as number) ^ 1;
    const bare = describeAssignment(manifest, { data: changed, commandsMax: 2 });
    assert.equal(bare.signature, 'unverified');
    assert.deepEqual(bare.data, { corruptBlocks: [0] });
    assert.equal(bare.commandsOmitted, 9);
    assert.match(renderAssignment(bare), /NOT as signed: block 0[\s\S]*and 9 more/);
    manifest[manifest.length - 1] = (manifest[manifest.length - 1] as number) ^ 1;
    assert.equal(describeAssignment(manifest, { keys: [fixturePublicKey] }).signature, 'invalid');
    assert.equal(describeAssignment(manifest).data, 'absent');
  });
});
