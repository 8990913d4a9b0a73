// The control channel of a process that has no free file descriptor: what it has goes on, and what it lacks is had later (CHAN-15).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Runs in a process of its own, which may open few files. */
const program = `
  const { closeSync, openSync } = await import('node:fs');
  const { openControlChannel } = await import(process.argv[1]);
  const looks = [];
  let onLook = () => undefined;
  const clock = {
    now: () => 0,
    after(_, run) { looks.push(run); onLook(); return () => undefined; },
  };
  const peers = { of: () => undefined, all: () => [] };
  const open = () => openControlChannel({
    place: { transport: 'unicast', group: null, port: 0 }, wishes: { wanted: 'lo', towards: { host: '127.0.0.1', port: 9 } },
    peers, clock, onDatagram: () => undefined, onChanged: () => undefined,
  });
  const look = (channel) => new Promise((resolve) => { onLook = () => resolve(channel.state().own?.address ?? channel.state().why); looks.shift()(); });
  const files = [];
  const first = await open();
  try { for (;;) files.push(openSync('/dev/null')); } catch {}
  const seen = [first.state().own.address, await look(first), await look(first)];
  await first.close();
  try { for (;;) files.push(openSync('/dev/null')); } catch {}
  looks.length = 0;
  const second = await open();
  seen.push(await look(second));
  for (const file of files) closeSync(file);
  seen.push(await look(second));
  await second.close();
  console.log(JSON.stringify(seen));
`;

test('CHAN-15: without a free file descriptor the channel stays open, or is opened when there is one', () => {
  const channel = join(import.meta.dirname, 'control-channel.ts');
  const node = [process.execPath, '--input-type=module', '--eval', program, channel];
  const said = execFileSync('sh', ['-c', 'ulimit -n 60; exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  const [before, during, later, without, after] = JSON.parse(said) as string[];
  assert.deepEqual([before, during, later, after], Array(4).fill('127.0.0.1'));
  assert.match(without as string, /^the interfaces cannot be looked at: ERR_SYSTEM_ERROR/);
});
