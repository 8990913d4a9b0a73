// Network namespaces of this run: made and removed by name, and what killed runs left behind is removed by the process id in the name. Nothing appears in
// the machine's own network. Needs root and iproute2.

import { runProgram } from './run-program.ts';

const namePrefix = 'treecast-lan';
let made = 0;

/** A name that no other network of this machine has; what hangs on it is named `<name>-…`. */
export async function nameNetwork(): Promise<string> {
  await removeLeftovers();
  made += 1;
  return `${namePrefix}-${process.pid}-${made}`;
}

export async function addNamespaces(namespaces: readonly string[]): Promise<void> {
  await ipBatch(
    [],
    namespaces.map((namespace) => `netns add ${namespace}`),
  );
}

/** Links go with their namespace. */
export async function removeNamespaces(wanted: readonly string[]): Promise<void> {
  const present = new Set(await listNamespaces());
  const lines = wanted
    .filter((namespace) => present.has(namespace))
    .map((namespace) => `netns del ${namespace}`);
  if (lines.length > 0) await ipBatch([], lines);
}

/** Lines of `ip -batch`, with options such as the namespace before. */
export async function ipBatch(before: readonly string[], lines: readonly string[]): Promise<void> {
  await runProgram('ip', [...before, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

async function listNamespaces(): Promise<string[]> {
  const listed = await runProgram('ip', ['netns', 'list']);
  return listed.split('\n').map((line) => line.split(' ')[0] as string);
}

async function removeLeftovers(): Promise<void> {
  const leftovers = (await listNamespaces()).filter((namespace) => {
    const owner = new RegExp(`^${namePrefix}-(\\d+)-`).exec(namespace)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
  await removeNamespaces(leftovers);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
