// A linked agent with a plugin that records its hooks' calls and fails where the test says so.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestScope, temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { type LinkedAgent, linkAgent } from './linked-agent.ts';

export const one = { 'index.html': 'one', 'kept.txt': 'kept' };
export const two = { 'index.html': 'two', 'kept.txt': 'kept', 'app.css': 'x'.repeat(100) };

/** Writes a line for each call; fails where `script` says so. */
export const recorder = (directory: string): string => `
import { appendFileSync, readFileSync } from 'node:fs';
import { definePlugin, PluginError, z } from 'treecast/plugin';
const act = (hook) => async (event, { signal }) => {
  const changes = event.changes ? (await event.changes())?.map(({ kind, path }) => kind + ' ' + path).join() : undefined;
  const what = [hook, event.kind, event.to?.release ?? event.release, changes].filter((part) => part !== undefined);
  appendFileSync('${directory}/calls', what.join(' ') + '\\n');
  const how = JSON.parse(readFileSync('${directory}/script', 'utf8'))[hook];
  if (how === 'fail') throw new PluginError('the recorder refuses ' + hook, { fix: 'Change the script.' });
  if (how === 'hang') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
  if (how === 'switchBack') throw new PluginError('the page is wrong', { fix: 'Mend it.', switchBack: true });
  if (hook === 'beforeSwitch' && how === 'twin') await event.writeTwin('app.css', '.gz', Buffer.from('twin'));
  return { note: hook + ' done', ...(hook === 'attach' && { urlMap: { origins: ['https://docs.example'] } }) };
};
export const it = definePlugin({
  name: 'recorder', summary: 'records', places: ['agent'], configSchema: z.strictObject({}),
  setup: () => ({ hooks: Object.fromEntries(
    ['attach', 'detach', 'beforeSwitch', 'switch', 'afterSwitch', 'probe', 'abandon'].map((hook) => [hook, act(hook)]),
  ) }),
});`;

export interface Recorded {
  readonly linked: LinkedAgent;
  readonly directory: string;
  /** Lines written since the last call. */
  calls(): string[];
  script(how: Readonly<Record<string, string>>): void;
}

export async function linkRecorded(t: TestScope): Promise<Recorded> {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'recorder.mjs');
  writeFileSync(file, recorder(directory));
  writeFileSync(join(directory, 'script'), '{}');
  appendFileSync(join(directory, 'calls'), '');
  const linked = await linkAgent(t, { plugins: [{ use: file }] });
  let read = 0;
  return {
    linked,
    directory,
    calls() {
      const lines = readFileSync(join(directory, 'calls'), 'utf8').trimEnd().split('\n');
      const fresh = lines.slice(read);
      read = lines.length;
      return fresh;
    },
    script: (how) => writeFileSync(join(directory, 'script'), JSON.stringify(how)),
  };
}
