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
  const running = agents ?? before?.agents ?? defaultAgents;
  const [publicPort = 0, agentPort = 0, ...nodePorts] = await pickPorts(
    [
      wantedPort,
      before?.agentPort ?? 0,
      ...Array.from({ length: running }, (_, index) => before?.nodes[index]?.port ?? 0),
    ],
    upHost,
  );
  if (wantedPort !== 0 && publicPort !== wantedPort) {
    note(`Port ${wantedPort} is in use; this time it is ${publicPort}.`);
  }
  const nodes = nodePorts.map((nodePort, index) => ({ name: `node${index + 1}`, port: nodePort }));
  // Those that are not started this time keep their port for the next.
  const others = before?.nodes.slice(running) ?? [];
  return { version: 1, port: publicPort, agentPort, agents: running, nodes: [...nodes, ...others] };
}
