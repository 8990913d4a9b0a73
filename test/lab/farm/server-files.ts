// Configurations of the real servers of a farm, as an operator would write them; everything lies below one directory.

import { join } from 'node:path';

export interface NginxPlace {
  readonly directory: string;
  readonly includeDirectory: string;
}

export function nginxMain({ directory, includeDirectory }: NginxPlace): string {
  return `daemon off;
user root;
worker_processes 1;
pid ${join(directory, 'nginx.pid')};
error_log ${join(directory, 'error.log')} notice;
events { worker_connections 4096; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  sendfile on;
  keepalive_timeout 75s;
  keepalive_requests 100000;
  client_body_temp_path ${join(directory, 'body')};
  proxy_temp_path ${join(directory, 'proxy')};
  fastcgi_temp_path ${join(directory, 'fastcgi')};
  uwsgi_temp_path ${join(directory, 'uwsgi')};
  scgi_temp_path ${join(directory, 'scgi')};
  include ${join(includeDirectory, '*.conf')};
}
`;
}

export interface HealthChecks {
  /** What a server is well by: that it answers a page with 200, or that its port takes connections. */
  readonly of: 'answer' | 'port';
  readonly timing: string;
}

const answerCheck = `  option httpchk GET / HTTP/1.1
  http-check send hdr Host site.test
`;

export function haproxyMain(
  directory: string,
  port: number,
  servers: readonly { readonly name: string; readonly port: number }[],
  checks: HealthChecks = { of: 'answer', timing: 'inter 500ms' },
): string {
  const lines = servers.map(
    ({ name, port: at }) => `  server ${name} 127.0.0.1:${at} check ${checks.timing} weight 100`,
  );
  return `global
  stats socket ${join(directory, 'haproxy.sock')} level admin mode 600
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  retries 3
  option redispatch
frontend web
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
${checks.of === 'answer' ? answerCheck : ''}  http-response set-header Served-By %s
${lines.join('\n')}
`;
}

/** What the plugin's README tells operators to include, and a backend. */
export function varnishMain(originPort: number, purgeVcl: string): string {
  return `vcl 4.1;
backend default {
  .host = "127.0.0.1";
  .port = "${originPort}";
  .first_byte_timeout = 5s;
}
include "${purgeVcl}";
sub vcl_backend_response {
  set beresp.ttl = 1h;
  set beresp.grace = 0s;
}
`;
}
