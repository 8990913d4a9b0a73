// A balancer that is set by a file of ours: nginx's upstream include, Envoy's endpoints. The file is what is remembered: it is read each
// time, and one that somebody else changed is left alone (N67). How it looks and how it is loaded is the kind's.

import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError, replaceFile } from 'treecast/plugin';
import { BalancerAway } from './balancer-away.ts';
import type { BalancedServer, BalancerDriver } from './balancer-driver.ts';

export interface FileServer {
  readonly address: string;
  readonly out: boolean;
  readonly weight: number;
}

export interface FileMember extends BalancedServer {
  readonly address: string;
  readonly usualWeight: number;
}

/** What the balancer itself says of an entry, when it can be asked. */
export interface FileReality {
  /** Null when it does not count. */
  sessions(address: string): number | null;
  /** Whether it has loaded that this entry is out (or in); null when it cannot be asked. */
  isOut(address: string): boolean | null;
  trouble(address: string): string | null;
}

export interface ServerFileKind {
  render(servers: readonly FileServer[]): string;
  /** Undefined when the text was not rendered here, or was changed since. */
  parse(text: string): readonly FileServer[] | undefined;
  /** Makes the balancer use the file that was just written. */
  load(signal: AbortSignal): Promise<void>;
  reality(signal: AbortSignal): Promise<FileReality>;
  force(signal: AbortSignal): Promise<void>;
  validate(signal: AbortSignal): Promise<void>;
  readonly noWeightZero: string;
}

export interface ServerFileOptions {
  readonly name: string;
  readonly file: string;
  readonly members: readonly FileMember[];
  readonly stateDirectory: string;
  readonly kind: ServerFileKind;
}

const fileMode = 0o644;
const fileBytesMax = 4_194_304;

export function createServerFileDriver(options: ServerFileOptions): BalancerDriver<FileMember> {
  const { name, file, members, stateDirectory, kind } = options;
  // What was loaded last: a process that died between writing and loading finds that out.
  const mark = join(stateDirectory, `${name}.loaded`);
  let tail: Promise<unknown> = Promise.resolve();

  async function read(): Promise<{ text: string | null; servers: ReadonlyMap<string, FileServer> }> {
    const text = await readText(file);
    if (text === null) return { text, servers: new Map() };
    const servers = kind.parse(text);
    if (servers === undefined)
      throw new PluginError(
        `${file} was changed by somebody else (or was there before), so it is left alone`,
        {
          fix: `Move what you need of it elsewhere and remove the file: it is written anew with every server in service.`,
          retryable: false,
        },
      );
    return { text, servers: new Map(servers.map((server) => [server.address, server])) };
  }

  async function replace(
    change: (member: FileMember, now: FileServer) => FileServer,
    signal: AbortSignal,
  ): Promise<void> {
    const before = await read();
    const text = kind.render(
      members.map((member) => {
        const { address, usualWeight } = member;
        return change(member, before.servers.get(address) ?? { address, out: false, weight: usualWeight });
      }),
    );
    if (text === before.text && (await isLoaded(text))) return;
    signal.throwIfAborted();
    if ((await readText(file)) !== before.text)
      throw new BalancerAway(`${file} was changed by somebody else at this moment`, {
        fix: 'Nothing, when it was another Treecast: it is tried again.',
      });
    await rm(mark, { force: true });
    await write(text);
    try {
      await kind.load(signal);
    } catch (error) {
      if (before.text === null) await rm(file, { force: true });
      else await write(before.text);
      throw error;
    }
    await replaceFile(mark, digest(text), 0o600);
  }

  /** One edit after another: two at once would lose one. */
  function edit(
    change: (member: FileMember, now: FileServer) => FileServer,
    signal: AbortSignal,
  ): Promise<void> {
    const turn = tail.then(() => replace(change, signal));
    tail = turn.catch(() => undefined);
    return turn;
  }

  async function write(text: string): Promise<void> {
    try {
      await replaceFile(file, text, fileMode);
    } catch (cause) {
      throw new PluginError(`${file} cannot be written (${codeOf(cause)})`, {
        cause,
        fix: 'Create its directory and let the user that runs Treecast write there.',
      });
    }
  }

  async function isLoaded(text: string): Promise<boolean> {
    return (await readText(mark)) === digest(text);
  }

  const setOut = (servers: readonly FileMember[], out: boolean, signal: AbortSignal): Promise<void> => {
    const addresses = new Set(servers.map(({ address }) => address));
    return edit(({ address }, now) => (addresses.has(address) ? { ...now, out } : now), signal);
  };

  return {
    name,
    find: (nodes) => {
      const names = new Set(nodes.map((node) => node.name));
      return Promise.resolve(members.filter(({ node }) => names.has(node)));
    },
    async look(servers, signal) {
      const { text, servers: there } = await read();
      const loaded = text !== null && (await isLoaded(text));
      const reality = await kind.reality(signal);
      return servers.map((server) => {
        const { address } = server;
        const entry = there.get(address);
        // An entry that is not in the file gets nothing.
        const out = reality.isOut(address) ?? entry?.out ?? true;
        const sessions = out ? reality.sessions(address) : null;
        const state = !loaded
          ? 'unknown'
          : !out
            ? 'in'
            : sessions === null || sessions === 0
              ? 'out'
              : 'draining';
        return {
          server,
          state,
          sessions,
          weight: entry?.weight ?? null,
          trouble: state === 'in' ? reality.trouble(address) : null,
        };
      });
    },
    takeOut: (servers, signal) => setOut(servers, true, signal),
    putBack: (servers, signal) => setOut(servers, false, signal),
    force: (_servers, signal) => kind.force(signal),
    async weigh(servers, share, signal) {
      const addresses = new Set(servers.map(({ address }) => address));
      await edit(({ address, usualWeight }, now) => {
        const weight = Math.max(1, Math.round(usualWeight * share));
        return addresses.has(address) ? { ...now, weight } : now;
      }, signal);
      return share === 0 ? kind.noWeightZero : undefined;
    },
    async validate(signal) {
      const { text } = await read();
      // The file is needed for the balancer to start at all.
      if (text === null)
        await write(
          kind.render(
            members.map(({ address, usualWeight }) => ({ address, out: false, weight: usualWeight })),
          ),
        );
      await kind.validate(signal);
    },
  };
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function readText(path: string): Promise<string | null> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > fileBytesMax)
      throw new PluginError(`${path} has more than ${fileBytesMax} bytes`, {
        fix: 'It is no file of this plugin: remove it.',
        retryable: false,
      });
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    if (codeOf(cause) === 'ENOENT') return null;
    throw new PluginError(`${path} cannot be read (${codeOf(cause)})`, {
      cause,
      fix: 'Let the user that runs Treecast read and write it.',
    });
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
