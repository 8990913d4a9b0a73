// Which ports and nodes `up` uses: those asked for, else those of the last start, else free ones.

import { TreecastError } from '../../model/treecast-error.ts';
import { isPortFree, pickPorts } from './pick-ports.ts';
import { readUpState, type UpState, upHost } from './up-state.ts';

const defaultPort = 7070;
const defaultAgents = 3;

export interface UpWishes {
  readonly directory: string;
  /** Undefined: as many as last time, at first three. */
  readonly agents: number | undefined;
  /** Undefined: as last time, at first the default one; 0: a free one. */
  readonly port: number | undefined;
  note(line: string): void;
}

/** Throws CONFLICT when the port that was asked for is in use. */
export async function planUpState({ directory, agents, port, note }: UpWishes): Promise<UpState> {
  const before = await readUpState(directory);
  if (port !== undefined && port !== 0 && !(await isPortFree(port, upHost))) {
    throw new TreecastError('CONFLICT', `Port ${port} on ${upHost} is in use.`, {
      fix: 'Choose another one with --port, or --port 0 for a free one.',
    });
  }
  const wantedPort = port || before?.port || (port === 0 ? 0 : defaultPort);
  const names = nodeNames(agents ?? before?.nodes.length ?? defaultAgents);
  const knownPorts = new Map(before?.nodes.map((node) => [node.name, node.port]));
  const [publicPort = 0, agentPort = 0, ...nodePorts] = await pickPorts(
    [wantedPort, before?.agentPort ?? 0, ...names.map((name) => knownPorts.get(name) ?? 0)],
    upHost,
  );
  if (wantedPort !== 0 && publicPort !== wantedPort) {
    note(`Port ${wantedPort} is in use; this time it is ${publicPort}.`);
  }
  return {
    version: 1,
    port: publicPort,
    agentPort,
    nodes: names.map((name, index) => ({ name, port: nodePorts[index] ?? 0 })),
  };
}

function nodeNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node${index + 1}`);
}
