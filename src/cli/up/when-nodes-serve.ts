// Waits until every agent of `up` is connected to the CCM and answers HTTP; says so when that takes long.

import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../client/client.ts';
import { TreecastError } from '../../model/treecast-error.ts';

const pollIntervalMs = 40;
const remarkAfterMs = 15_000;

export interface ServingNode {
  readonly name: string;
  readonly url: string;
}

/** In the order of `names`. Throws ABORTED when `signal` aborts first. */
export async function whenNodesServe(
  client: Client,
  names: readonly string[],
  { signal, note }: { readonly signal: AbortSignal; note(line: string): void },
): Promise<ServingNode[]> {
  const serving = new Map<string, ServingNode>();
  let remarkAt = performance.now() + remarkAfterMs;
  while (serving.size < names.length) {
    const nodes = await client.nodes.list();
    for (const node of nodes) {
      const { name, url, connected } = node;
      if (!connected || url === null || serving.has(name) || !names.includes(name)) continue;
      if (await answers(url)) serving.set(name, { name, url });
    }
    if (serving.size === names.length) break;
    if (performance.now() > remarkAt) {
      const missing = names.filter((name) => !serving.has(name));
      note(`Still waiting for ${missing.join(', ')}: see agent.log in the directory of the agent.`);
      remarkAt = performance.now() + remarkAfterMs;
    }
    await delay(pollIntervalMs, undefined, { signal }).catch(() => {
      throw new TreecastError('ABORTED', 'Stopped before all agents were ready.');
    });
  }
  return names.flatMap((name) => serving.get(name) ?? []);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
