// A stand-in for OpenSearch's `_bulk`: the NDJSON format with its rules, the size limit of hosted services, a mapping that refuses, and
// single items that are refused in an answer of 200.

import {
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

type Document = Readonly<Record<string, unknown>>;

export interface Opensearch extends StandInServer {
  readonly documents: Map<string, Document>;
  /** So many of the next operations are refused for want of capacity. */
  overload(operations: number): void;
  /** Documents with such a title do not fit the mapping. */
  readonly unfitTitles: Set<string>;
}

const bytesMax = 10 * 1_048_576;

export async function startOpensearch(index: string, authorization: string): Promise<Opensearch> {
  const documents = new Map<string, Document>();
  const unfitTitles = new Set<string>();
  let overloaded = 0;
  const refuse = (status: number, type: string, reason: string): StandInAnswer => ({
    status,
    body: { error: { type, reason, root_cause: [{ type, reason }] }, status },
  });

  function operate(action: 'index' | 'delete', id: string, source: Document | undefined): Document {
    if (overloaded > 0) {
      overloaded -= 1;
      const reason = 'rejected execution of coordinating operation';
      return { status: 429, error: { type: 'rejected_execution_exception', reason } };
    }
    if (action === 'delete') return { status: documents.delete(id) ? 200 : 404 };
    if (unfitTitles.has(String(source?.['title'])))
      return {
        status: 400,
        error: { type: 'mapper_parsing_exception', reason: 'failed to parse field [title]' },
      };
    const status = documents.has(id) ? 200 : 201;
    documents.set(id, source ?? {});
    return { status };
  }

  function answer({ method, path, headers, body }: StandInRequest): StandInAnswer {
    if (headers.authorization !== authorization)
      return refuse(401, 'security_exception', 'missing authentication credentials for REST request');
    const { pathname } = new URL(path, 'http://localhost');
    if (method !== 'POST' || pathname !== `/${index}/_bulk`)
      return refuse(404, 'index_not_found_exception', `no such index [${pathname.split('/')[1] ?? ''}]`);
    if (!/^application\/(?:x-ndjson|json)$/.test(headers['content-type'] ?? ''))
      return refuse(406, 'media_type_header_exception', 'Content-Type header is not supported');
    if (Buffer.byteLength(body) > bytesMax)
      return { status: 413, body: { Message: 'Request size exceeded 10485760 bytes' } };
    if (!body.endsWith('\n'))
      return refuse(
        400,
        'illegal_argument_exception',
        'The bulk request must be terminated by a newline [\\n]',
      );
    const lines = body.slice(0, -1).split('\n');
    const items: unknown[] = [];
    let errors = false;
    while (lines.length > 0) {
      const meta = JSON.parse(lines.shift() ?? '') as Record<string, { readonly _id?: string } | undefined>;
      const [action] = Object.keys(meta);
      const id = meta[action ?? '']?._id;
      if ((action !== 'index' && action !== 'delete') || id === undefined || Buffer.byteLength(id) > 512)
        return refuse(400, 'illegal_argument_exception', 'Malformed action/metadata line');
      const source = action === 'index' ? (JSON.parse(lines.shift() ?? '') as Document) : undefined;
      const result = operate(action, id, source);
      errors ||= 'error' in result;
      items.push({ [action]: result });
    }
    return { status: 200, body: { errors, items } };
  }

  const standIn = await startStandIn(answer);
  return {
    ...standIn,
    documents,
    unfitTitles,
    overload(operations) {
      overloaded = operations;
    },
  };
}
