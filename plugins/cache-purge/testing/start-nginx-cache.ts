// nginx as a caching proxy, its cache in the program's directory.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningProgram, startProgram } from './start-program.ts';

export interface NginxCache extends RunningProgram {
  readonly cacheDirectory: string;
}

export async function startNginxCache(options: {
  readonly originPort: number;
  readonly levels?: string;
  /** proxy_cache_key; default: nginx's own. */
  readonly key?: string | undefined;
}): Promise<NginxCache> {
  const running = await startProgram(async ({ directory, port }) => {
    const file = join(directory, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `  ${name}_temp_path ${join(directory, name)};`,
    );
    await writeFile(
      file,
      `
daemon off;
master_process off;
pid ${join(directory, 'nginx.pid')};
error_log stderr warn;
events {}
http {
  access_log off;
${temporary.join('\n')}
  proxy_cache_path ${join(directory, 'cache')} levels=${options.levels ?? '1:2'} keys_zone=pages:1m use_temp_path=off;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${options.originPort};
      proxy_set_header Host $host;
      proxy_cache pages;
      ${options.key === undefined ? '' : `proxy_cache_key ${options.key};`}
      proxy_cache_valid 200 404 1h;
      proxy_cache_bypass $http_x_treecast_refresh;
      add_header x-cache-status $upstream_cache_status always;
    }
  }
}
`,
    );
    return { program: 'nginx', args: ['-e', 'stderr', '-p', directory, '-c', file] };
  });
  return { ...running, cacheDirectory: join(running.directory, 'cache') };
}
