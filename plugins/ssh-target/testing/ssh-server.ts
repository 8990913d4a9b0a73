// A real sshd for tests, on 127.0.0.1, with keys and directories of its own. In front of it a gate: a TCP relay that can be shut (as when
// the server is away) or hold everything back (as when it hangs).

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort, type RunningServer, startServer } from 'treecast/plugin/testing';

export interface SshServer {
  readonly root: string;
  /** What the plugin's `root` names: `<directory>/<site>/…`. */
  readonly sites: string;
  readonly config: Record<string, unknown>;
  shut(): Promise<void>;
  hold(): void;
  open(): Promise<void>;
  /** From now on the server shows another host key. */
  changeHostKey(): Promise<void>;
  stop(): Promise<void>;
}

const keygen = 'ssh-keygen';
export const sshNeeds = ['sshd', 'ssh', keygen, 'rsync'];

export async function startSshServer(): Promise<SshServer> {
  const root = await mkdtemp(join(tmpdir(), 'treecast-ssh-'));
  const at = (name: string): string => join(root, name);
  for (const key of ['host-key', 'other-host-key', 'user-key']) makeKey(at(key));
  await writeFile(at('authorized_keys'), await readFile(at('user-key.pub')));
  await mkdir(at('sites'));
  await chmod(root, 0o755);
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });

  let sshd = await startSshd(root, 'host-key');
  const gate = createGate(() => sshd.port);
  const port = await gate.open();
  const hostKey = (await readFile(at('host-key.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  return {
    root,
    sites: at('sites'),
    config: {
      destination: `${userInfo().username}@127.0.0.1`,
      port,
      identityFile: at('user-key'),
      knownHostsFile: at('known_hosts'),
      root: at('sites'),
      connectTimeoutSeconds: 5,
    },
    shut: gate.shut,
    hold: gate.hold,
    async open() {
      await gate.open();
    },
    async changeHostKey() {
      await sshd.server.end();
      sshd = await startSshd(root, 'other-host-key');
      await gate.shut();
      await gate.open();
    },
    async stop() {
      await gate.shut();
      await sshd.server.end();
      await rm(root, { recursive: true, force: true });
    },
  };
}

function makeKey(path: string): void {
  const { status, stderr } = spawnSync(keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  if (status !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}

interface Sshd {
  readonly server: RunningServer;
  readonly port: number;
}

async function startSshd(root: string, hostKey: string): Promise<Sshd> {
  const port = await freePort();
  const configuration = join(root, `sshd-${hostKey}.conf`);
  await writeFile(
    configuration,
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(root, hostKey)}`,
      `AuthorizedKeysFile ${join(root, 'authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      // The cheapest: tests connect often.
      'KexAlgorithms curve25519-sha256',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      'LogLevel QUIET',
      'MaxStartups 100',
      '',
    ].join('\n'),
  );
  // It serves once it greets.
  const server = await startServer('/usr/sbin/sshd', ['-D', '-e', '-f', configuration], {
    serves: () => answers(port),
  });
  return { server, port };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function createGate(target: () => number) {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  let holding = false;

  function relay(client: Socket): void {
    const upstream = connect(target(), '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (!holding) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!holding) to.destroy();
      });
    }
  }

  function cut(): void {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  }

  return {
    hold(): void {
      holding = true;
    },
    async shut(): Promise<void> {
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      cut();
      server = undefined;
      await closed;
    },
    /** Answers the port, which stays the same. */
    async open(): Promise<number> {
      if (holding) cut();
      holding = false;
      if (server !== undefined) return port;
      server = createServer(relay).listen(port, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      port = address.port;
      return port;
    },
  };
}
