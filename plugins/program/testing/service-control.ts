// A service manager for tests, as one script: starts what was installed as a real process, and says whether it runs. It counts its starts.

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandEvent } from 'treecast/plugin';
import type { SiteOnDisk } from 'treecast/plugin/testing';

export interface ServiceControl {
  readonly root: string;
  readonly bin: string;
  /** The plugin's configuration for it. */
  readonly config: Record<string, unknown>;
  /** While it is there, restarting never ends. */
  readonly stallFile: string;
  starts(): Promise<number>;
  remove(): Promise<void>;
}

/** A program that runs until it is ended. */
export const goodProgram = (words: string): string => `#!/bin/sh\n# ${words}\nexec tail -f /dev/null\n`;
/** A program that ends at once. */
export const badProgram = (words: string): string => `#!/bin/sh\n# ${words}\nexit 7\n`;

const script = `#!/bin/sh
root=$(dirname "$0")
pidfile="$root/run/$2.pid"
runs() {
  test -f "$pidfile" && grep -q '^State:.[SRD]' "/proc/$(cat "$pidfile")/status" 2>/dev/null
}
case "$1" in
  restart)
    if test -e "$root/stall"; then exec tail -f /dev/null; fi
    if runs; then kill "$(cat "$pidfile")"; fi
    echo "$2" >> "$root/starts"
    "$root/bin/$2" >/dev/null 2>&1 </dev/null &
    echo $! > "$pidfile"
    ;;
  is-active)
    if runs; then echo active; else echo "the service died"; exit 3; fi
    ;;
esac
`;

export async function createServiceControl(): Promise<ServiceControl> {
  const root = await mkdtemp(join(tmpdir(), 'treecast-program-'));
  const control = join(root, 'control');
  const bin = join(root, 'bin');
  await mkdir(bin);
  await mkdir(join(root, 'run'));
  await writeFile(control, script);
  await chmod(control, 0o755);
  return {
    root,
    bin,
    stallFile: join(root, 'stall'),
    config: {
      allow: [`${bin}/*`],
      units: ['one', 'two'],
      restart: { program: control, args: ['restart', '{unit}'] },
      verify: { program: control, args: ['is-active', '{unit}'], waitSeconds: 0.3, steadySeconds: 0.2 },
    },
    starts: async () => (await readFile(join(root, 'starts'), 'utf8').catch(() => '')).split('\n').length - 1,
    async remove() {
      for (const name of await readdir(join(root, 'run'))) {
        const pid = Number(await readFile(join(root, 'run', name), 'utf8'));
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Bytes and mode of everything that is installed. */
export async function installed(bin: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(bin)).sort()) {
    const { mode } = await stat(join(bin, name));
    found[name] = `${(mode & 0o7777).toString(8)} ${await readFile(join(bin, name), 'utf8')}`;
  }
  return found;
}

export function installEvent(site: SiteOnDisk, parameters: Record<string, unknown>): CommandEvent {
  return {
    site: site.site,
    directory: site.directory,
    liveLink: site.liveLink,
    command: 'program.install',
    parameters,
    to: site.live(),
  };
}
