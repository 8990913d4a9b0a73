// Any balancer with an HTTP interface: one request for each server and action, as the configuration writes them; sessions and state are
// read from JSON where it says so.

import type { z } from 'treecast/plugin';
import { PluginError, type Secret } from 'treecast/plugin';
import { BalancerAway } from '../balancer-away.ts';
import type { BalancerDriver, ServerLook } from '../balancer-driver.ts';
import { fillTemplate, type TemplateValues } from '../fill-template.ts';
import { atPointer } from '../json-pointer.ts';
import { createNamedServerDriver, valuesOf } from '../named-server-driver.ts';
import type { NamedServer } from '../named-servers.ts';
import type { httpKeys } from './http-config.ts';
import { requestText } from './request-text.ts';

export type HttpConfig = z.output<z.ZodObject<typeof httpKeys>> & { readonly name: string };
type Request = HttpConfig['requests']['drain'];

/** How often a change is tried anew when somebody else changed the same thing in between. */
const matchTriesMax = 4;

export function createHttpDriver(config: HttpConfig): BalancerDriver<NamedServer> {
  const { name, servers, weight, requests, sessions, state } = config;
  const headers = Object.fromEntries(
    Object.entries(config.headers).map(([key, value]) => [key, reveal(value)]),
  );
  const options = { timeoutMs: config.timeoutSeconds * 1000 };

  async function send(
    request: Request,
    _: NamedServer,
    values: TemplateValues,
    signal: AbortSignal,
  ): Promise<void> {
    const own = Object.entries(request.headers).map(([key, value]) => [key, fillTemplate(value, values)]);
    const ready = {
      method: request.method,
      url: fillTemplate(request.url, values, encodeURIComponent),
      headers: { ...headers, ...(Object.fromEntries(own) as Record<string, string>) },
      body: request.body === undefined ? undefined : fillTemplate(request.body, values),
    };
    if (request.etagFrom === undefined) {
      await requestText(ready, signal, options);
      return;
    }
    const url = fillTemplate(request.etagFrom, values, encodeURIComponent);
    for (let tried = 1; ; tried++) {
      const { etag } = await requestText({ method: 'GET', url, headers }, signal, options);
      if (etag === null)
        throw new PluginError(`GET ${url} answered no ETag, so a change could overwrite somebody else’s`, {
          fix: 'Let `etagFrom` name an address that answers an ETag, or leave it out.',
          retryable: false,
        });
      const matched = { ...ready, headers: { ...ready.headers, 'if-match': etag } };
      const { status } = await requestText(matched, signal, { ...options, expected: [412] });
      if (status !== 412) return;
      if (tried >= matchTriesMax)
        throw new BalancerAway(
          `${ready.url} was changed by somebody else ${tried} times while it was to be changed`,
          {
            fix: 'Look for what else writes to this balancer; it is tried again.',
          },
        );
    }
  }

  async function ask(
    question: { url: string; pointer: string },
    server: NamedServer,
    signal: AbortSignal,
  ): Promise<unknown> {
    const url = fillTemplate(question.url, valuesOf(server, { action: 'inspect' }), encodeURIComponent);
    const { text } = await requestText({ method: 'GET', url, headers }, signal, options);
    try {
      return atPointer(JSON.parse(text), question.pointer);
    } catch (cause) {
      throw new PluginError(`GET ${url} answered no JSON`, {
        cause,
        fix: 'Correct the address in the configuration.',
      });
    }
  }

  async function lookAt(
    server: NamedServer,
    signal: AbortSignal,
  ): Promise<Pick<ServerLook, 'state' | 'sessions'>> {
    const count = sessions === undefined ? null : await ask(sessions, server, signal);
    if (count !== null && !(Number.isSafeInteger(Number(count)) && Number(count) >= 0 && count !== ''))
      throw new PluginError(
        `${server.label}: ${JSON.stringify(count) ?? 'nothing'} at ${sessions?.pointer} is no number of sessions`,
        {
          fix: 'Correct `sessions.pointer`.',
        },
      );
    const said = state === undefined ? undefined : await ask(state, server, signal);
    const among = (values: readonly unknown[] | undefined): boolean =>
      values?.some((one) => String(one) === String(said)) ?? false;
    return {
      state: among(state?.in)
        ? 'in'
        : among(state?.draining)
          ? 'draining'
          : among(state?.out)
            ? 'out'
            : 'unknown',
      sessions: count === null ? null : Number(count),
    };
  }

  return createNamedServerDriver({
    name,
    servers,
    weight,
    actions: requests,
    actionWord: 'request',
    send,
    lookAt,
  });
}

function reveal(value: string | Secret): string {
  return typeof value === 'string' ? value : value.reveal();
}
