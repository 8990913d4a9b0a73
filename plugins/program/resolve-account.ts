// Numbers of users and groups by their names, as this node knows them. Does not decide who may own a file.

import { type Exec, PluginError } from 'treecast/plugin';

export async function resolveAccount(
  exec: Exec,
  database: 'passwd' | 'group',
  account: string | number | undefined,
): Promise<number | undefined> {
  if (account === undefined || typeof account === 'number') return account;
  const { code, stdout } = await exec('getent', [database, account]);
  const id = Number(stdout.split('\n')[0]?.split(':')[2]);
  if (code === 0 && stdout !== '' && Number.isSafeInteger(id)) return id;
  throw new PluginError(`this node has no ${database === 'passwd' ? 'user' : 'group'} ${account}`, {
    fix: `Make ${account} on this node, or name another one in the policy of the site.`,
  });
}
