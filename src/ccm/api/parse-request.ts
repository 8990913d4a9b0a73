// Parses path, query and body of a request by an endpoint's schemas, and reports all problems of all three together.

import type { Request } from 'express';
import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Endpoint } from './endpoint.ts';

export interface ParsedRequest {
  readonly parameters: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

const nothing = z.strictObject({});
const problemsMax = 50;

/** Throws INVALID_INPUT with `data.problems`: `{in, path, message}` each. */
export function parseRequest(endpoint: Endpoint, request: Request): ParsedRequest {
  const parts = {
    parameters: (endpoint.parameters ?? nothing).safeParse({ ...request.params }),
    query: (endpoint.query ?? nothing).safeParse({ ...request.query }),
    // An endpoint without a body takes none; one with a body takes none as an empty object.
    body: (endpoint.body ?? nothing).safeParse(request.body ?? {}),
  };
  const { parameters, query, body } = parts;
  if (parameters.success && query.success && body.success) {
    return { parameters: parameters.data, query: query.data, body: body.data };
  }
  const problems = Object.entries(parts).flatMap(([part, result]) =>
    (result.error?.issues ?? []).map((issue) => ({
      in: part,
      path: issue.path.map(String).join('.'),
      message: issue.message,
    })),
  );
  const listed = problems.slice(0, problemsMax);
  throw new TreecastError(
    'INVALID_INPUT',
    `The request has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}: ${listed
      .map(({ in: part, path, message }) => `${path === '' ? part : path}: ${message}`)
      .join('; ')}.`,
    { fix: 'Mend what is listed; docs/api.md says what the endpoint takes.', data: { problems: listed } },
  );
}
