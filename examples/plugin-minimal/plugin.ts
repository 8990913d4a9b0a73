// A complete plugin: after each switch it tells a program of yours what is live, and keeps a note of it. It does not decide what is live.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { definePlugin, PluginError, replaceFile, type TreeOnNode, z } from 'treecast/plugin';

export const liveNote = definePlugin({
  name: 'live-note',
  summary: 'tells a program what is live, and keeps a note of it',
  places: ['agent'],
  configSchema: z.strictObject({
    tell: z
      .array(z.string().min(1))
      .min(1)
      .max(100)
      .describe('A program and its arguments; it gets the note as JSON on standard input.'),
  }),
  // One that is not installed is an error when the agent starts, not when somebody publishes.
  programs: ({ tell }) => tell.slice(0, 1),

  setup({ config, exec, stateDirectory }) {
    const [program = '', ...args] = config.tell;
    const noteOf = (site: string): string => join(stateDirectory, `${site}.json`);

    async function tell(site: string, { tree, release }: TreeOnNode, signal: AbortSignal) {
      const note = `${JSON.stringify({ site, tree, release })}\n`;
      // Hooks may be called again with the same event: nobody is told twice.
      if ((await readFile(noteOf(site), 'utf8').catch(() => '')) === note) return { note: 'known already' };
      const { code, stderr } = await exec(program, args, { input: note, signal });
      if (code !== 0)
        throw new PluginError(`${program} ended with ${code}: ${stderr.trim().slice(0, 500)}`, {
          fix: `Run ${config.tell.join(' ')} by hand on this node, and see why.`,
        });
      // Last: killed before this line, it tells once more rather than never.
      await replaceFile(noteOf(site), note, 0o644);
      return { note: `told ${release}` };
    }

    return {
      hooks: {
        attach: ({ site, live }, { signal }) => (live === null ? undefined : tell(site, live, signal)),
        afterSwitch: ({ site, to }, { signal }) => tell(site, to, signal),
        detach: ({ site }) => rm(noteOf(site), { force: true }),
      },
    };
  },
});
