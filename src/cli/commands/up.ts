// Runs a whole Treecast on this machine: the CCM in this process, agents as its children, a sample site.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { count, port } from '../input-schemas.ts';
import { rememberContext } from '../remember-context.ts';
import { logLevel } from '../service-logger.ts';
import { untilAborted } from '../until-aborted.ts';
import { startUp } from '../up/up-session.ts';
import { upLines } from '../up/up-text.ts';

export const up = defineCommand({
  name: 'up',
  summary: 'run a CCM, a few agents and a sample site on this machine',
  details:
    'Everything is kept in the state directory: a second start goes on where the first one was, with the same token.\nWith --json it prints one line when everything is ready.',
  options: [
    { flags: '--agents <n>', summary: 'how many agents (default: 3, later as many as last time)' },
    { flags: '--dir <directory>', summary: 'the state directory (default: ./treecast-data)' },
    {
      flags: '--port <port>',
      summary: 'the public port; 0 picks a free one (default: 7070, later as last time)',
    },
    { flags: '--log-level <level>', summary: 'of ccm.log in the state directory (default: info)' },
  ],
  examples: [
    { line: 'treecast up', explanation: 'then paste the lines it prints into another terminal' },
    {
      line: 'treecast up --agents 5 --port 0 --json',
      explanation: 'for scripts: wait for the line {"ready":true,…}',
    },
  ],
  kind: 'service',
  exits: ['ok', 'failed', 'refused'],
  json: 'one line when ready: `{"ready":true,"api","git","token","site","branch","nodes":[{"name","url"}]}`; nothing else, then it runs until it is told to stop.',
  input: z.strictObject({
    agents: count.refine((n) => n <= 200, 'Is more than 200').optional(),
    dir: z.string().min(1).default('treecast-data'),
    port: port.optional(),
    logLevel: logLevel.default('info'),
  }),
  async run({ agents, dir, port: wantedPort, logLevel: level }, { cwd, env, output, signal }) {
    const directory = resolve(cwd, dir);
    const session = await startUp({
      directory,
      agents,
      port: wantedPort,
      log: { level, format: 'json' },
      env,
      signal,
      note: output.note,
    }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return undefined;
    });
    if (session === undefined) return;
    try {
      const { ready } = session;
      await rememberContext({ api: ready.api, token: session.adminToken, madeBy: 'up' }, env, output);
      const lines = upLines({
        ready,
        directory,
        style: output.style,
        program: existsSync(join(cwd, 'bin', 'treecast')) ? 'bin/treecast' : 'treecast',
        needsIdentity: !output.isJson && !(await hasGitIdentity(env)),
      });
      output.answer(ready, () => lines);
      await Promise.race([untilAborted(signal), session.failed]);
    } finally {
      await session.close();
    }
    output.text('Stopped.');
  },
});

async function hasGitIdentity(env: NodeJS.ProcessEnv): Promise<boolean> {
  return promisify(execFile)('git', ['config', '--get', 'user.email'], { env }).then(
    () => true,
    () => false,
  );
}
