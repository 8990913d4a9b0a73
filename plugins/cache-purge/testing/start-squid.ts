// Squid as an accelerator, in memory only.

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningProgram, startProgram } from './start-program.ts';

export function startSquid(options: {
  readonly originPort: number;
  /** Who may purge; default the loopback. */
  readonly purger?: string;
}): Promise<RunningProgram> {
  return startProgram(async ({ directory, port }) => {
    // Started by root it becomes another user, who writes its log here.
    await chmod(directory, 0o777);
    const file = join(directory, 'squid.conf');
    await writeFile(
      file,
      [
        `http_port 127.0.0.1:${port} accel vhost defaultsite=www.example.org`,
        `cache_peer 127.0.0.1 parent ${options.originPort} 0 no-query originserver name=origin`,
        'never_direct allow all',
        'acl purging method PURGE',
        `acl purgers src ${options.purger ?? '127.0.0.1'}`,
        'http_access allow purging purgers',
        'http_access deny purging',
        'http_access allow all',
        'cache_mem 16 MB',
        'memory_cache_shared off',
        'negative_ttl 1 hour',
        'maximum_object_size_in_memory 1 MB',
        'pid_filename none',
        'access_log none',
        'cache_store_log none',
        'netdb_filename none',
        'pinger_enable off',
        'shutdown_lifetime 0 seconds',
        `cache_log ${join(directory, 'cache.log')}`,
        `coredump_dir ${directory}`,
        '',
      ].join('\n'),
    );
    return { program: 'squid', args: ['-N', '-f', file] };
  });
}
