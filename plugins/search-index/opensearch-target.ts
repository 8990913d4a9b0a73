// Documents in an OpenSearch or Elasticsearch index by `_bulk`. An answer of 200 may hold refusals of single documents: those that pass
// are tried again alone, the others are told.

import { setTimeout as wait } from 'node:timers/promises';
import { PluginError, z } from 'treecast/plugin';
import { callService, isFine, parsedAnswer, refusal } from './call-service.ts';
import { type DocumentChange, documentChanges } from './page-documents.ts';
import type { OpensearchConfig } from './search-index-config.ts';
import type { SearchTarget } from './search-target.ts';

/** Below the 10 MB that hosted services take. */
const bytesInCallMax = 8 * 1_048_576;
/** So that an answer which refuses all of them stays below a MiB. */
const operationsInCallMax = 1_000;
const attempts = 4;
const retryDelayMs = 500;
const namedMax = 5;

const itemSchema = z.object({
  status: z.int(),
  error: z
    .union([z.string(), z.object({ type: z.string().default('error'), reason: z.string().nullish() })])
    .optional(),
});
const bulkSchema = z.object({
  errors: z.boolean(),
  items: z.array(z.partialRecord(z.enum(['index', 'delete', 'create', 'update']), itemSchema)),
});

interface Operation {
  readonly id: string;
  readonly url: string | undefined;
  readonly text: string;
}

export function createOpensearchTarget(config: OpensearchConfig): SearchTarget {
  const { url, index, contentCharacters } = config;
  const headers = { 'content-type': 'application/x-ndjson', ...authorization(config) };
  // The names alone of what failed: an answer to thousands of documents stays small.
  const address = `${url}/${index}/_bulk?filter_path=errors,items.*.status,items.*.error`;

  async function send(operations: readonly Operation[], signal: AbortSignal): Promise<Refused[]> {
    const body = operations.map(({ text }) => text).join('');
    const answer = await callService(address, { method: 'POST', headers, body, signal });
    if (!isFine(answer)) throw refusal('OpenSearch', answer, fixFor(answer.status));
    const { errors, items } = parsedAnswer('OpenSearch', bulkSchema, answer);
    if (items.length !== operations.length)
      throw new PluginError(`OpenSearch answered ${items.length} items to ${operations.length} operations`, {
        fix: 'Check that nothing between Treecast and OpenSearch cuts its answers.',
      });
    return errors ? operations.flatMap((operation, at) => refusedItem(operation, items[at]) ?? []) : [];
  }

  async function sendUntilDone(operations: readonly Operation[], signal: AbortSignal): Promise<Refused[]> {
    const forGood: Refused[] = [];
    let left = operations;
    for (let attempt = 1; ; attempt += 1) {
      const refused = await send(left, signal);
      forGood.push(...refused.filter(({ passing }) => !passing));
      const passing = refused.filter((one) => one.passing);
      if (passing.length === 0) return forGood;
      if (attempt === attempts) throw told(passing, true);
      left = passing.map(({ operation }) => operation);
      await wait(retryDelayMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => {
        throw told(passing, true);
      });
    }
  }

  return {
    title: `OpenSearch index ${index}`,
    async reindex(event, { signal }) {
      let [put, removed] = [0, 0];
      const refused: Refused[] = [];
      for await (const batch of batches(documentChanges(event, contentCharacters))) {
        refused.push(...(await sendUntilDone(batch, signal)));
        const puts = batch.filter((operation) => operation.url !== undefined).length;
        put += puts;
        removed += batch.length - puts;
      }
      if (refused.length > 0) throw told(refused, false);
      return `${put} documents written, ${removed} removed`;
    },
  };
}

function authorization({ user, password, apiKey }: OpensearchConfig): Record<string, string> {
  if (apiKey !== undefined) return { authorization: `ApiKey ${apiKey.reveal()}` };
  if (user === undefined || password === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}` };
}

function fixFor(status: number): string {
  if (status === 401 || status === 403)
    return 'Correct the user and password or the key, and let it write there.';
  if (status === 404) return 'Create the index, or correct its name.';
  return 'Look at what it says; correct the plugin’s configuration.';
}

interface Refused {
  readonly operation: Operation;
  readonly reason: string;
  readonly passing: boolean;
}

type Item = z.output<typeof bulkSchema>['items'][number];

function refusedItem(operation: Operation, item: Item | undefined): Refused | undefined {
  const { status = 500, error } = item?.index ?? item?.delete ?? {};
  // What is to go and is not there has gone.
  if (status < 300 || (status === 404 && operation.url === undefined && error === undefined))
    return undefined;
  const reason =
    error === undefined || typeof error === 'string' ? error : `${error.type}: ${error.reason ?? ''}`;
  return {
    operation,
    reason: `${status} ${reason ?? ''}`.slice(0, 300),
    passing: status === 429 || status >= 500,
  };
}

function told(refused: readonly Refused[], retryable: boolean): PluginError {
  const named = refused
    .slice(0, namedMax)
    .map(({ operation, reason }) => `${operation.url ?? operation.id}: ${reason}`);
  const rest = refused.length - named.length;
  const count = refused.length === 1 ? 'a document' : `${refused.length} documents`;
  return new PluginError(
    `OpenSearch refused ${count}: ${named.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`,
    {
      retryable,
      fix: retryable
        ? 'It is sent again later; OpenSearch has too much to do.'
        : 'Correct the index’s mapping: text for title, description and content; keyword for the rest; long for publishedAt.',
    },
  );
}

async function* batches(changes: AsyncIterable<DocumentChange>): AsyncGenerator<Operation[]> {
  let batch: Operation[] = [];
  let bytes = 0;
  for await (const change of changes) {
    const operation = encoded(change);
    const size = Buffer.byteLength(operation.text);
    if (batch.length > 0 && (batch.length === operationsInCallMax || bytes + size > bytesInCallMax)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(operation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function encoded(change: DocumentChange): Operation {
  if ('remove' in change) {
    const text = `${JSON.stringify({ delete: { _id: change.remove } })}\n`;
    return { id: change.remove, url: undefined, text };
  }
  const { id, ...document } = change.put;
  const text = `${JSON.stringify({ index: { _id: id } })}\n${JSON.stringify(document)}\n`;
  return { id, url: document.url, text };
}
