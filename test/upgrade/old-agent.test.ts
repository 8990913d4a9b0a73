// N66: to an agent that names nothing newer, this CCM says nothing that its own version did not: an agent refuses keys that it does not know
// (LINK-4). What is newer is for agents that offer a later protocol, or name a profile for it, in their hello (LINK-40).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { ownerProfile } from '../../src/model/messages.ts';
import { helloSchema } from '../../src/net/link/agent-message-schema.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createSeparateFleet } from '../e2e/support/separate-fleet.ts';
import { runProgram } from '../lab/run-program.ts';
import { recordedFrames, recordedState, recordedVersions } from './recorded.ts';

/** `type` and path of every key, such as `welcome sites[].policy.fileMode`. */
function keysOf(frames: readonly unknown[]): Set<string> {
  const found = new Set<string>();
  const walk = (type: string, path: string, value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) walk(type, `${path}[]`, each);
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        found.add(`${type} ${path}.${key}`);
        walk(type, `${path}.${key}`, inner);
      }
  };
  for (const frame of frames) walk((frame as { type: string }).type, '', frame);
  return found;
}

/** What the recorded session had no occasion for, and every version may say. */
const occasional = (key: string) => /^(?:refused|removed|grant|abort) |\.lastDecision\./.test(key);

for (const version of recordedVersions) {
  test(`N66 LINK-40 ${version}: a CCM of this version speaks to an agent of that one in its own words`, async (t) => {
    const fleet = await createSeparateFleet(async (ccmDirectory) => {
      const directory = dirname(ccmDirectory);
      await runProgram('tar', ['-xzf', recordedState(version), '-C', directory]);
      await rename(join(directory, 'agent'), join(directory, 'web1'));
      return (await readFile(join(directory, 'token'), 'utf8')).trim();
    });
    t.after(() => fleet.close());
    await fleet.ccm.start();
    const identity = join(fleet.directory, 'web1/identity');
    const { certificate, ca } = JSON.parse(await readFile(join(identity, 'node.json'), 'utf8')) as Record<
      string,
      string
    >;
    const agent = new WebSocket(`${fleet.agentUrl.replace('https:', 'wss:')}/agent`, {
      ...{ checkServerIdentity: () => undefined },
      ca: ca ?? '',
      cert: certificate ?? '',
      key: await readFile(join(identity, 'key.pem'), 'utf8'),
    } as unknown as ClientOptions);
    t.after(() => agent.terminate());
    const heard: unknown[] = [];
    agent.on('message', (data) => heard.push(JSON.parse(String(data))));
    await once(agent, 'open');
    const has = (type: string) => heard.some((frame) => (frame as { type: string }).type === type);
    // It has lost everything: it is told the last decision, and does not hold its tree.
    agent.send(JSON.stringify(recordedFrames(version, 'agent')[0]));
    await until('it is welcomed', () => has('welcome'));
    const { release } = await fleet.client().sites.status('docs');
    agent.send(
      JSON.stringify({
        type: 'stale',
        site: 'docs',
        release,
        live: null,
        error: { code: 'BASE_MISMATCH', message: 'nothing is held here' },
      }),
    );
    await until('it is given an assignment', () => has('assignment'), 30_000);
    const known = keysOf(recordedFrames(version, 'ccm'));
    assert.deepEqual(
      [...keysOf(heard)].filter((key) => !known.has(key) && !occasional(key)),
      [],
    );

    const { profiles } = recordedFrames(version, 'agent')[0] as { readonly profiles: readonly string[] };
    if (profiles.includes(ownerProfile)) return;
    // LINK-41: what it cannot carry out is not sent to it.
    const assignments = () =>
      heard.filter((frame) => (frame as { type: string }).type === 'assignment').length;
    await fleet.client().sites.update('docs', { policy: { owner: '33' } });
    const before = assignments();
    const { stderr } = await fleet.push('docs', 'for another owner', ['--force']);
    assert.match(stderr, /ASSIGNMENT_PROFILE_UNKNOWN/);
    assert.equal(assignments(), before);
    assert.equal(JSON.stringify(heard).includes('"owner"'), false);
  });
}

test('N66 LINK-40 a hello has the keys that every CCM of this protocol knows, and no others', () => {
  for (const version of recordedVersions) {
    const [hello] = recordedFrames(version, 'agent');
    assert.deepEqual(Object.keys(helloSchema.shape).sort(), Object.keys(hello as object).sort());
  }
});
