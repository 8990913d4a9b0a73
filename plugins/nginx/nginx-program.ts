// The program nginx: what it was built with, and its judgement of a configuration. It reloads nothing.

import { dirname, isAbsolute, join } from 'node:path';
import { type Exec, PluginError } from 'treecast/plugin';
import { type StaticModule, staticModules } from './include-file.ts';

export interface NginxBuild {
  readonly version: string;
  readonly modules: ReadonlySet<StaticModule>;
  /** As compiled in; null when nginx does not say. */
  readonly pidFile: string | null;
}

export interface NginxProgram {
  build(signal: AbortSignal): Promise<NginxBuild>;
  /** Throws with nginx's own words when it would not start with what is on disk. */
  test(signal: AbortSignal): Promise<void>;
}

const linesMax = 20;

export function createNginxProgram(
  exec: Exec,
  { program, mainConfiguration }: { readonly program: string; readonly mainConfiguration: string },
): NginxProgram {
  return {
    build: async (signal) => {
      const { code, stdout, stderr } = await exec(program, ['-V'], { signal });
      if (code === 0) return readBuild(stdout + stderr);
      throw new PluginError(`${program} -V failed: ${stderr.trim() || `exit code ${code}`}`, {
        fix: 'See that `program` names nginx and that it starts.',
      });
    },
    test: async (signal) => {
      const { code, stderr } = await exec(program, ['-t', '-q', '-c', mainConfiguration], { signal });
      if (code === 0) return;
      throw new PluginError(`nginx refuses the configuration: ${wordsOf(stderr) || `exit code ${code}`}`, {
        fix: `Correct it until \`${program} -t -c ${mainConfiguration}\` accepts it.`,
        retryable: false,
      });
    },
  };
}

/** From what `nginx -V` prints. A module that is loaded as a file is not among them unless it is one of Debian's static ones. */
export function readBuild(text: string): NginxBuild {
  const version = /nginx version: \S*?\/?(\d[\w.]*)/.exec(text)?.[1] ?? 'unknown';
  const has = (name: StaticModule): boolean =>
    name === 'gzip_static'
      ? text.includes('--with-http_gzip_static_module')
      : new RegExp(`--add-module=\\S*${name === 'brotli_static' ? 'brotli' : 'zstd'}`).test(text);
  const prefix = /--prefix=(\S+)/.exec(text)?.[1] ?? '/usr/local/nginx';
  const pid = /--pid-path=(\S+)/.exec(text)?.[1] ?? 'logs/nginx.pid';
  return {
    version,
    modules: new Set(staticModules.filter(has)),
    pidFile: isAbsolute(pid) ? pid : join(prefix, pid),
  };
}

/** What an error is about, without nginx's warnings. */
function wordsOf(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const errors = lines.filter((line) => /\[(?:emerg|alert|crit|error)\]/.test(line));
  return (errors.length > 0 ? errors : lines)
    .slice(0, linesMax)
    .join('\n')
    .replaceAll(/^(?:nginx: |[\d/]+ [\d:]+ )(\[\w+\])(?: \d+#\d+:)?/gm, '$1');
}

/** Relative paths in a main configuration are meant from its directory. */
export function besideMain(mainConfiguration: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(mainConfiguration), path);
}
