// Brings a whole tree to the other server, beside the live one: unchanged files are hard links there, and a second pass proves that nothing
// differs before the tree gets its name. It does not switch.

import { type HookCall, PluginError, type TreeOnNode } from 'treecast/plugin';
import { beginScript, finishScript } from './remote-scripts.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshTargetConfig } from './ssh-target-config.ts';

const namesTold = 5;

/** Answers whether anything was sent: false when the tree is there already. */
export async function sendTree(
  connection: SshConnection,
  { root, compare, silenceSeconds }: SshTargetConfig,
  site: string,
  { tree, release, directory }: TreeOnNode,
  call: HookCall,
): Promise<boolean> {
  const lines = await connection.run(beginScript, [root, site, release, tree], call);
  const live = /^live trees\/([A-Za-z0-9_-]+)$/.exec(
    lines.find((line) => line.startsWith('live ')) ?? '',
  )?.[1];
  const complete = lines.includes('complete');
  // Twins may have come since, and are sent too; a tree that is live is never written to.
  if (complete && live === release) return false;
  const place = `${root}/${site}/trees`;
  const into = complete ? `${place}/${release}` : `${place}/${release}.${tree}.part`;
  const always = [
    '-rlpt',
    '--omit-dir-times',
    '--omit-link-times',
    '--delete',
    '--protect-args',
    `--timeout=${silenceSeconds}`,
    ...(compare === 'checksum' ? ['--checksum'] : []),
  ];
  const ends = [`${directory}/`, connection.place(`${into}/`)];
  const differs = (): Promise<readonly string[]> =>
    connection.rsync([...always, '--dry-run', '--itemize-changes', ...ends], call);
  if (complete && (await differs()).length === 0) return false;
  const base = lines.includes('base') && live !== undefined ? [`--link-dest=${place}/${live}`] : [];
  await connection.rsync([...always, ...base, ...ends], call);
  const left = await differs();
  if (left.length > 0) {
    const names = left.slice(0, namesTold).join(', ');
    throw new PluginError(`${left.length} paths differ there after they were sent: ${names}`, {
      fix: `See who else writes below ${place} there.`,
    });
  }
  if (!complete) await connection.run(finishScript, [root, site, release, tree], call);
  return true;
}
