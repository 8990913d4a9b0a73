// Where the CCM and the nodes run: each in a network namespace of its own when root, else all on the loopback address.

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

export interface Place {
  readonly address: string;
  /** Null: this process's own network. */
  readonly namespace: string | null;
}

export function spawnAt(
  place: Place,
  program: string,
  parameters: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return place.namespace === null
    ? spawn(program, parameters, options)
    : spawn('ip', ['netns', 'exec', place.namespace, program, ...parameters], options);
}

export function loopbackPlaces(nodes: number): Place[] {
  return Array.from({ length: nodes }, () => ({ address: '127.0.0.1', namespace: null }));
}

/** As text on the command line of the process that measures, which itself runs in the CCM's namespace. */
export function formatPlaces(places: readonly Place[]): string {
  return places.map(({ address, namespace }) => `${namespace}=${address}`).join(',');
}

export function parsePlaces(text: string): Place[] {
  return text.split(',').map((pair) => {
    const [namespace = '', address = ''] = pair.split('=');
    return { namespace, address };
  });
}
