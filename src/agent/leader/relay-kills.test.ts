// A leader that is killed behind each thing that it does on disk for its members: started again it has the right bytes, or fetches them; what it was
// removing goes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { kitAssignment } from './testing/kit-ccm.ts';

test('N76 LEAD-36: killed behind any write or removal, the store goes on with what is right and leaves nothing else', (t) => {
  const directory = temporaryDirectory(t);
  const assignment = kitAssignment(600_000);
  const { id, site } = assignment.header;
  writeFileSync(join(directory, 'manifest'), assignment.manifest);
  writeFileSync(join(directory, 'data'), assignment.data);
  const program = `
    const { readFileSync } = await import('node:fs');
    const from = (path) => import(${JSON.stringify(`${import.meta.dirname}/`)} + path);
    const { createRelayStore } = await from('relay-store.ts');
    const { blockRange } = await from('../../assignment/block-layout.ts');
    const { fixtureVerify } = await from('../../assignment/container-fixture.ts');
    const { steadyClock } = await from('../../net/clock.ts');
    const { silentLog } = await from('../session/agent-log.ts');
    const directory = ${JSON.stringify(directory)};
    const data = readFileSync(directory + '/data');
    let fetched = 0;
    const store = createRelayStore({
      directory, verifySignature: fixtureVerify, received: () => null, clock: steadyClock, log: silentLog,
      keepMs: process.argv[1] === 'remove' ? 300 : 60_000,
      onLost: () => undefined,
    });
    const supply = {
      manifest: async (read) => read(readFileSync(directory + '/manifest')),
      async blocks(header, intake) {
        for (const index of intake.missing()) {
          fetched += 1;
          const { offset, length } = blockRange(header, index);
          await intake.write(index, data.subarray(offset, offset + length));
        }
        return 0;
      },
    };
    const content = store.want({ site: '${site}', id: '${id}', supply }, (error) => { throw error; });
    const signal = new AbortController().signal;
    const blocks = [];
    for (let index = 0; index < 5; index++) blocks.push(await content.block(index, signal));
    if (!Buffer.concat(blocks).equals(data)) throw new Error('wrong bytes');
    if (process.argv[1] === 'remove') {
      while (store.contents().length > 0) await new Promise(setImmediate);
    }
    await store.close();
    process.stdout.write(String(fetched));
  `;
  const run = (failpoint: string, what = ''): string => {
    const { signal, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', program, what],
      { env: { ...process.env, TREECAST_FAILPOINT: failpoint }, encoding: 'utf8' },
    );
    assert.equal(signal, failpoint === '' ? null : 'SIGKILL', `${failpoint} ${stderr}`);
    return stdout;
  };
  const files = (): string[] => readdirSync(join(directory, 'relay')).map((name) => name.replace(id, ''));
  run('agent.relay.manifest-written');
  run('agent.relay.opened');
  run('agent.relay.block-written');
  run('agent.relay.block-written:2');
  // One, and two more, were here.
  assert.equal(run(''), '2');
  assert.equal(run(''), '0');
  assert.deepEqual(readFileSync(join(directory, 'relay', `${id}.data`)), assignment.data);
  assert.deepEqual(files().sort(), ['.data', '.manifest']);
  run('agent.relay.removed', 'remove');
  assert.deepEqual(files(), []);
  assert.equal(run('', 'remove'), '5');
  assert.deepEqual(files(), []);
});
