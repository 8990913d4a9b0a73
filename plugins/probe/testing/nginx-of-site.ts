// A real nginx on a free port that serves a site's live link and names the release it found there in a header. It can be stopped, made
// to hang, and mended.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type RunningServer, startServer } from 'treecast/plugin/testing';

export interface NginxOfSite {
  readonly url: string;
  stop(): Promise<void>;
  stall(): void;
  /** Running and answering again. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function startNginxOfSite(liveLink: string): Promise<NginxOfSite> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-probe-nginx-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeFile(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${directory}/pid; error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  map $realpath_root $release { ~/trees/(?<name>[^/]+)$ $name; }
  server { listen 127.0.0.1:${port} default_server; return 421 "no such host"; }
  server {
    listen 127.0.0.1:${port}; server_name docs.example.org;
    root ${liveLink};
    add_header x-release $release always;
    location = /old { return 301 http://docs.example.org/index.html; }
    location = /away { return 302 http://elsewhere.example.org/; }
    location = /loop { return 302 /loop; }
  }
}
`,
  );
  let server: RunningServer | undefined;

  async function start(): Promise<void> {
    server ??= await startServer(
      'nginx',
      ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'],
      { serves: port },
    );
  }

  async function stop(): Promise<void> {
    await server?.end();
    server = undefined;
  }

  await start();
  return {
    url,
    stop,
    stall: () => server?.signal('SIGSTOP'),
    async mend() {
      server?.signal('SIGCONT');
      await start();
    },
    async close() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
