// A stand-in for Meilisearch's documents and tasks: answers at once, does the work while it is asked about it, and refuses wrong keys,
// content types, oversized payloads and unfit documents as the real one does.

import {
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

type Document = Readonly<Record<string, unknown>>;

export interface Meilisearch extends StandInServer {
  readonly indexes: Map<string, Map<string, Document>>;
  /** The next tasks fail with these. */
  readonly failing: TaskError[];
}

interface TaskError {
  readonly message: string;
  readonly code: string;
  readonly type: string;
}

interface Task {
  status: 'enqueued' | 'processing' | 'succeeded' | 'failed';
  error: TaskError | null;
  readonly work: () => TaskError | undefined;
}

const payloadBytesMax = 10 * 1_048_576;

export async function startMeilisearch(apiKey: string): Promise<Meilisearch> {
  const indexes: Meilisearch['indexes'] = new Map();
  const tasks: Task[] = [];
  const failing: TaskError[] = [];
  const refuse = (status: number, code: string, type: string, message: string): StandInAnswer => ({
    status,
    body: { message, code, type, link: `https://docs.meilisearch.com/errors#${code}` },
  });
  const enqueue = (indexUid: string, work: Task['work']): StandInAnswer => {
    tasks.push({ status: 'enqueued', error: null, work });
    return { status: 202, body: { taskUid: tasks.length - 1, indexUid, status: 'enqueued' } };
  };

  function answer(request: StandInRequest): StandInAnswer {
    const { method, headers, path, body } = request;
    if (headers.authorization === undefined)
      return refuse(401, 'missing_authorization_header', 'auth', 'The Authorization header is missing.');
    if (headers.authorization !== `Bearer ${apiKey}`)
      return refuse(403, 'invalid_api_key', 'auth', 'The provided API key is invalid.');
    const [, task] = /^\/tasks\/(\d+)$/.exec(path) ?? [];
    if (method === 'GET' && task !== undefined) return taskAnswer(Number(task));
    const [, uid, removal] =
      /^\/indexes\/([\w-]+)\/documents(\/delete-batch|\?primaryKey=id)$/.exec(path) ?? [];
    if (method !== 'POST' || uid === undefined)
      return refuse(404, 'not_found', 'invalid_request', 'Not found');
    if (headers['content-type'] !== 'application/json')
      return refuse(415, 'invalid_content_type', 'invalid_request', 'The Content-Type is invalid.');
    if (Buffer.byteLength(body) > payloadBytesMax)
      return refuse(
        413,
        'payload_too_large',
        'invalid_request',
        'The provided payload reached the size limit.',
      );
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return refuse(400, 'malformed_payload', 'invalid_request', 'The json payload provided is malformed.');
    }
    if (!Array.isArray(value) || value.length === 0)
      return refuse(400, 'missing_payload', 'invalid_request', 'A json payload is missing.');
    const items: unknown[] = value;
    return removal === '/delete-batch'
      ? enqueue(uid, () => remove(indexes, uid, items))
      : enqueue(uid, () => put(indexes, uid, items as Document[]));
  }

  /** Each question moves the queue on by one step. */
  function taskAnswer(uid: number): StandInAnswer {
    const task = tasks[uid];
    if (task === undefined) return refuse(404, 'task_not_found', 'invalid_request', `Task ${uid} not found.`);
    const current = tasks.find(({ status }) => status === 'processing' || status === 'enqueued');
    if (current?.status === 'enqueued') current.status = 'processing';
    else if (current !== undefined) {
      const error = failing.shift() ?? current.work();
      current.status = error === undefined ? 'succeeded' : 'failed';
      current.error = error ?? null;
    }
    return { status: 200, body: { uid, status: task.status, error: task.error } };
  }

  const standIn = await startStandIn(answer);
  return { ...standIn, indexes, failing };
}

function put(
  indexes: Meilisearch['indexes'],
  uid: string,
  documents: readonly Document[],
): TaskError | undefined {
  const invalid = documents.find(({ id }) => typeof id !== 'string' || !/^[a-zA-Z0-9_-]{1,511}$/.test(id));
  if (invalid !== undefined) {
    const message = `Document identifier ${JSON.stringify(invalid['id'])} is invalid.`;
    return { message, code: 'invalid_document_id', type: 'invalid_request' };
  }
  const index = indexes.get(uid) ?? new Map<string, Document>();
  indexes.set(uid, index);
  for (const document of documents) index.set(String(document['id']), document);
  return undefined;
}

function remove(
  indexes: Meilisearch['indexes'],
  uid: string,
  ids: readonly unknown[],
): TaskError | undefined {
  const index = indexes.get(uid);
  if (index === undefined)
    return { message: `Index ${uid} not found.`, code: 'index_not_found', type: 'invalid_request' };
  for (const id of ids) index.delete(String(id));
  return undefined;
}
