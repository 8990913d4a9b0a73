// An endpoint as data: what it is called by, who may, what it takes, what it does. The router and (later) the OpenAPI document read it.

import type { z } from 'zod';
import type { Role } from '../../model/api.ts';
import type { Principal } from '../registry/permission.ts';
import type { ApiContext } from './api-context.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface EndpointInput<Parameters, Query, Body> {
  readonly parameters: Parameters;
  readonly query: Query;
  readonly body: Body;
  /** Who asks; on open endpoints nobody. */
  readonly principal: Principal;
  /** Aborted when the caller went away. */
  readonly signal: AbortSignal;
}

export interface EndpointSpecification<
  Parameters extends z.ZodType = z.ZodType<unknown>,
  Query extends z.ZodType = z.ZodType<unknown>,
  Body extends z.ZodType = z.ZodType<unknown>,
> {
  readonly method: Method;
  /** Express's form: `/api/v1/sites/:site`. A parameter `site` is what an author's sites are compared with. */
  readonly path: string;
  readonly summary: string;
  /** One of these roles is enough (or one that includes it); `open`: no token is asked for. */
  readonly roles: readonly Role[] | 'open';
  readonly parameters?: Parameters;
  readonly query?: Query;
  readonly body?: Body;
  /** Default 200; 204 has no body. */
  readonly status?: number;
  /**
   * `json` (default): the handler's value. `patient`: the same, with white space sent ahead every 10 s while the handler works; an error after that
   * comes with status 200. `lines`: the handler's async iterable, a JSON line each; an error ends it as a line `{"error": …}`.
   */
  readonly answer?: 'json' | 'patient' | 'lines';
  readonly handle: (
    input: EndpointInput<z.output<Parameters>, z.output<Query>, z.output<Body>>,
    context: ApiContext,
  ) => unknown;
}

/** An endpoint whose types were checked where it was defined and are of no more interest. */
export interface Endpoint extends Omit<EndpointSpecification, 'handle'> {
  handle(input: EndpointInput<unknown, unknown, unknown>, context: ApiContext): unknown;
}

export function defineEndpoint<
  Parameters extends z.ZodType = z.ZodType<unknown>,
  Query extends z.ZodType = z.ZodType<unknown>,
  Body extends z.ZodType = z.ZodType<unknown>,
>(specification: EndpointSpecification<Parameters, Query, Body>): Endpoint {
  return {
    ...specification,
    // The router parses with this endpoint's own schemas before it calls.
    handle: (input, context) =>
      specification.handle(
        input as EndpointInput<z.output<Parameters>, z.output<Query>, z.output<Body>>,
        context,
      ),
  };
}
