// A real nginx for tests, whose answers are snippets of configuration in `conf.d/`: `location = /one { return 200 "…"; }`.

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandEvent } from 'treecast/plugin';
import { freePort, type SiteOnDisk, startServer, until } from 'treecast/plugin/testing';

export interface NginxWithSnippets {
  readonly root: string;
  readonly snippets: string;
  readonly config: Record<string, unknown>;
  /** While it is there, validating never ends. */
  readonly stallFile: string;
  /** Status and body, when the server answers. */
  get(path: string): Promise<string>;
  written(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

export const snippet = (path: string, text: string): string =>
  `location = /${path} { return 200 "${text}"; }\n`;

export async function startNginx(): Promise<NginxWithSnippets> {
  const root = await mkdtemp(join(tmpdir(), 'treecast-config-file-'));
  const snippets = join(root, 'conf.d');
  await mkdir(snippets);
  await mkdir(join(root, 'temp'));
  const port = await freePort();
  const around = (include: string): string => `
    daemon off; pid ${root}/nginx.pid; error_log stderr; worker_processes 1;
    events {}
    http {
      access_log off;
      ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${root}/temp;`).join(' ')}
      server { listen 127.0.0.1:${port}; location = /health { return 204; } include ${include}; }
    }`;
  const main = join(root, 'nginx.conf');
  await writeFile(main, around(`${snippets}/*.conf`));
  // How operators judge a snippet before it is in place: with a configuration around it.
  const judge = join(root, 'judge');
  await writeFile(
    judge,
    `#!/bin/sh\nif test -e ${root}/stall; then exec tail -f /dev/null; fi\n` +
      `cat > "$1.around" <<END\n${around('$1').replaceAll('$1', '$' + '{1}')}\nEND\nexec nginx -t -q -c "$1.around"\n`,
  );
  await chmod(judge, 0o755);
  const server = await startServer('nginx', ['-p', root, '-c', main], { serves: port });
  const get = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}/${path}`, { headers: { connection: 'close' } });
    return `${response.status} ${await response.text()}`;
  };
  const url = `http://127.0.0.1:${port}/checked`;
  // nginx reloads after the command has ended: the check waits until the answer is the file's, then judges it.
  const checked = `
    const status = Number(/return (\\d+)/.exec(process.getBuiltinModule('node:fs').readFileSync('${snippets}/docs.conf', 'utf8'))[1]);
    (async () => {
      while ((await fetch('${url}', { headers: { connection: 'close' } })).status !== status);
      process.exit(status < 500 ? 0 : 1);
    })();`;
  return {
    root,
    snippets,
    stallFile: join(root, 'stall'),
    config: {
      allow: [`${snippets}/*.conf`],
      validators: {
        snippet: { program: judge, args: ['{file}'] },
        nginx: { program: 'nginx', args: ['-t', '-q', '-c', main], validateInPlace: true },
      },
      reloads: {
        nginx: { program: 'nginx', args: ['-s', 'reload', '-c', main] },
        checked: {
          program: 'nginx',
          args: ['-s', 'reload', '-c', main],
          verify: { program: process.execPath, args: ['-e', checked], waitSeconds: 0, steadySeconds: 0.1 },
        },
        broken: { program: 'nginx', args: ['-s', 'reload', '-c', join(root, 'none.conf')] },
      },
    },
    get,
    async written() {
      const found: Record<string, string> = {};
      for (const name of (await readdir(snippets)).sort())
        found[name] = await readFile(join(snippets, name), 'utf8');
      return found;
    },
    async stop() {
      await server.end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export function writeEvent(site: SiteOnDisk, parameters: Record<string, unknown>): CommandEvent {
  return {
    site: site.site,
    directory: site.directory,
    liveLink: site.liveLink,
    command: 'config-file.write',
    parameters,
    to: site.live(),
  };
}

/** A reload of nginx is finished some time after its command: asks until the answer is that. */
export async function untilAnswers(ask: () => Promise<string>, expected: string): Promise<void> {
  let answer = '';
  await until(
    () => `"${expected}" is the answer, not "${answer}"`,
    async () => {
      answer = await ask().catch((error: unknown) => String(error));
      return answer === expected;
    },
  );
}
