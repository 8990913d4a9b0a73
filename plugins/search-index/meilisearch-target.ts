// Documents in a Meilisearch index, in batches. Meilisearch answers before it has done anything: each task is waited for.

import { setTimeout as wait } from 'node:timers/promises';
import { PluginError, z } from 'treecast/plugin';
import { callService, isFine, parsedAnswer, refusal } from './call-service.ts';
import { type DocumentChange, documentChanges, type PageDocument } from './page-documents.ts';
import type { MeilisearchConfig } from './search-index-config.ts';
import type { SearchTarget } from './search-target.ts';

const documentsInCallMax = 1_000;
const bytesInCallMax = 8 * 1_048_576;
const removalsInCallMax = 10_000;
const pollMinMs = 50;
const pollMaxMs = 2_000;

const acceptedSchema = z.object({ taskUid: z.int() });
const taskSchema = z.object({
  status: z.enum(['enqueued', 'processing', 'succeeded', 'failed', 'canceled']),
  error: z.object({ message: z.string(), code: z.string(), type: z.string() }).nullish(),
});

export function createMeilisearchTarget(config: MeilisearchConfig): SearchTarget {
  const { url, index, apiKey, contentCharacters } = config;
  const headers = {
    'content-type': 'application/json',
    ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey.reveal()}` }),
  };
  const documents = `${url}/indexes/${index}/documents`;

  async function call(method: 'GET' | 'POST', address: string, signal: AbortSignal, body?: string) {
    const answer = await callService(address, {
      method,
      headers,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    if (isFine(answer)) return answer;
    const fix =
      answer.status === 401 || answer.status === 403
        ? 'Give `apiKey` a key with documents.add, documents.delete, indexes.create and tasks.get.'
        : 'Look at what it says; correct the plugin’s configuration.';
    throw refusal('Meilisearch', answer, fix);
  }

  async function enqueue(address: string, body: string, signal: AbortSignal): Promise<number> {
    return parsedAnswer('Meilisearch', acceptedSchema, await call('POST', address, signal, body)).taskUid;
  }

  async function finished(task: number, removal: boolean, signal: AbortSignal): Promise<void> {
    for (let delayMs = pollMinMs; ; delayMs = Math.min(delayMs * 2, pollMaxMs)) {
      const answer = await call('GET', `${url}/tasks/${task}`, signal);
      const { status, error } = parsedAnswer('Meilisearch', taskSchema, answer);
      if (status === 'succeeded') return;
      if (status === 'failed' || status === 'canceled') {
        // Nothing is left to be removed from an index that is not there.
        if (removal && error?.code === 'index_not_found') return;
        throw new PluginError(
          `Meilisearch’s task ${task} ${status}: ${error?.message.slice(0, 300) ?? 'no reason'}`,
          {
            fix: 'Look at the index’s settings (primary key `id`) and at the task in Meilisearch.',
            retryable: status === 'canceled' || error?.type === 'internal' || error?.type === 'system',
          },
        );
      }
      await wait(delayMs, undefined, { signal }).catch(() => {
        throw new PluginError(`Meilisearch did not finish task ${task} in time`, {
          fix: 'It is sent again later; raise timeouts.reindex if it is often so.',
        });
      });
    }
  }

  return {
    title: `Meilisearch index ${index}`,
    async reindex(event, { signal }) {
      let put = 0;
      const removals: string[] = [];
      const tasks: { readonly task: number; readonly removal: boolean }[] = [];
      for await (const batch of batches(documentChanges(event, contentCharacters), removals)) {
        const body = `[${batch.join(',')}]`;
        tasks.push({ task: await enqueue(`${documents}?primaryKey=id`, body, signal), removal: false });
        put += batch.length;
      }
      for (let at = 0; at < removals.length; at += removalsInCallMax) {
        const ids = removals.slice(at, at + removalsInCallMax);
        const task = await enqueue(`${documents}/delete-batch`, JSON.stringify(ids), signal);
        tasks.push({ task, removal: true });
      }
      for (const { task, removal } of tasks) await finished(task, removal, signal);
      return `${put} documents written, ${removals.length} removed`;
    },
  };
}

/** Encoded documents in batches that one call can carry; removals are put aside. */
async function* batches(
  changes: AsyncIterable<DocumentChange>,
  removals: string[],
): AsyncGenerator<string[]> {
  let batch: string[] = [];
  let bytes = 0;
  for await (const change of changes) {
    if ('remove' in change) {
      removals.push(change.remove);
      continue;
    }
    const text = encoded(change.put);
    const size = Buffer.byteLength(text) + 1;
    if (batch.length > 0 && (batch.length === documentsInCallMax || bytes + size > bytesInCallMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(text);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function encoded(document: PageDocument): string {
  return JSON.stringify(document);
}
