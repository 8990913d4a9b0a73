// Has every node prove what it serves; the exit code is the verdict.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { verifyJson, verifyLines } from '../verify-report.ts';

export const verify = defineCommand({
  name: 'verify',
  summary: 'have every node re-read every byte of a site and recompute its tree id',
  details:
    'Exit code 0 only when every node serves exactly the live tree. Nodes that are away do not agree. Before the first publish the exit code is 0 when every node has nothing.',
  arguments: [{ name: 'site', summary: 'the site' }],
  examples: [
    { line: 'treecast verify docs', explanation: 'names each node that differs, and the paths' },
    {
      line: 'treecast verify docs --json',
      explanation: '{"site","commit","tree","nodes":[{"name","tree","ok"}]}',
    },
  ],
  kind: 'api',
  exits: ['ok', 'failed', 'refused'],
  json: '`{"site","commit","tree","nodes":[{"name","tree","ok"}]}`; a node that is not ok also has `"drift":[{"path","problem"}]` and, when it could not be asked, `"error"`.',
  input: z.strictObject({ site: name }),
  async run({ site }, { client, output, signal }) {
    const result = await (await client()).sites.verify(site, { signal });
    const lines = verifyLines(result, output.style);
    output.answer(verifyJson(result), () => lines);
    const isAgreed = result.nodes.length > 0 && result.nodes.every(({ ok }) => ok);
    if (!isAgreed && output.isJson) for (const line of lines) output.note(line);
    return isAgreed ? 'ok' : 'failed';
  },
});
