// Lists calls of plugins on the CCM: purges, reindexing, notifications.

import { z } from 'zod';
import type { PluginTaskResource } from '../../model/api.ts';
import { defineCommand } from '../command.ts';
import { fixLines } from '../fix-lines.ts';
import { name } from '../input-schemas.ts';
import { printable } from '../printable.ts';
import { tableLines } from '../table.ts';
import { timeText } from '../text.ts';

export const pluginTasks = defineCommand({
  name: 'plugin tasks',
  summary: 'list what plugins did, owe, or gave up',
  options: [
    { flags: '--job <job>', summary: 'only those of this job' },
    { flags: '--site <site>', summary: 'only those of this site' },
    { flags: '--plugin <plugin>', summary: 'only those of this plugin' },
    { flags: '--state <state>', summary: 'owed, done or failed' },
    { flags: '--limit <count>', summary: 'at most so many (default 50)' },
  ],
  examples: [
    { line: 'treecast plugin tasks --state owed', explanation: 'what is still to be done, and why' },
    { line: 'treecast plugin tasks --job j1234567890', explanation: 'what followed a publish' },
  ],
  kind: 'api',
  exits: ['ok'],
  json: '`{"tasks":[PluginTaskResource]}`.',
  input: z.strictObject({
    job: z.string().min(1).max(64).optional(),
    site: name.optional(),
    plugin: name.optional(),
    state: z.enum(['owed', 'done', 'failed']).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(50),
  }),
  async run(filter, { client, output }) {
    const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
    const tasks = await (await client()).plugins.tasks(given);
    output.answer({ tasks }, () =>
      tasks.length === 0
        ? ['none']
        : [
            ...tableLines(
              ['TASK', 'PLUGIN', 'HOOK', 'SITE', 'JOB', 'STATE', 'TRIES', 'SINCE', 'NEXT TRY', 'WHAT'],
              tasks.map((task) => [
                String(task.id),
                task.plugin,
                task.pass === 1 ? task.hook : `${task.hook} (again)`,
                task.site,
                task.job ?? '',
                task.state,
                String(task.attempts + (task.state === 'owed' ? 0 : 1)),
                timeText(task.createdAt),
                task.state === 'owed' ? timeText(task.notBefore) : '',
                printable(task.error?.message ?? task.note ?? ''),
              ]),
            ),
            ...fixLines(troubled(tasks)),
          ],
    );
  },
});

/** Each reason once, with the newest task that has it. */
function troubled(tasks: readonly PluginTaskResource[]) {
  const newest = new Map(tasks.toReversed().map((task) => [task.error?.message ?? '', task]));
  return [...newest.values()].map(({ id, error }) => ({ name: `task ${id}`, error }));
}
