// One attempt of an HTTP check: what was expected and what came instead, or nothing when all is as it should be.

import { PluginError, quoted, type RequestAnswer, requestWithRetry } from 'treecast/plugin';
import type { Mismatch } from './mismatch.ts';
import type { HttpCheck } from './probe-config.ts';
import { filledIn, textMatches } from './text-pattern.ts';

type Values = Readonly<Record<string, string>>;
const shownCharacters = 200;

export async function runHttpCheck(
  check: HttpCheck,
  values: Values,
  limits: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Mismatch | undefined> {
  let target = new URL(check.url);
  for (let followed = 0; ; followed += 1) {
    const answer = await ask(check, target, limits);
    if (answer instanceof PluginError) return { expected: 'an answer', came: answer.message };
    const location = answer.headers['location'];
    if (check.redirects === 0 || location === undefined || ![301, 302, 303, 307, 308].includes(answer.status))
      return judged(check, answer, values);
    if (followed === check.redirects)
      return { expected: `at most ${check.redirects} redirects`, came: `one more, to ${shown(location)}` };
    const next = sameHost(check, target, location);
    if (next === undefined)
      return { expected: 'redirects within the same host', came: `one to ${shown(location)}` };
    target = next;
  }
}

async function ask(
  { host, method, requestHeaders }: HttpCheck,
  target: URL,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<RequestAnswer | PluginError> {
  try {
    return await requestWithRetry(target.href, {
      method,
      headers: { 'user-agent': 'treecast-probe', ...requestHeaders, ...(host === undefined ? {} : { host }) },
      signal,
      timeoutMs,
      attempts: 1,
      retryOn: () => false,
    });
  } catch (error) {
    if (error instanceof PluginError) return error;
    throw error;
  }
}

/** A redirect may name the public address, with or without the port; it is this node that is asked all the same. */
function sameHost({ host }: HttpCheck, target: URL, location: string): URL | undefined {
  const asked = new URL(`${target.protocol}//${host ?? target.host}${target.pathname}`);
  if (!URL.canParse(location, asked.href)) return undefined;
  const named = new URL(location, asked);
  const ports = [asked.port, target.port];
  if (named.protocol !== asked.protocol || named.hostname !== asked.hostname || !ports.includes(named.port))
    return undefined;
  return new URL(named.pathname + named.search, target.origin);
}

function judged(check: HttpCheck, answer: RequestAnswer, values: Values): Mismatch | undefined {
  try {
    return judge(check, answer, values);
  } catch (error) {
    // A pattern that did not come to an end has not said that all is well.
    if (error instanceof PluginError) return { expected: 'a judgement', came: error.message };
    throw error;
  }
}

function judge(check: HttpCheck, answer: RequestAnswer, values: Values): Mismatch | undefined {
  const { statuses, bodyMatches, header } = check;
  if (!statuses.includes(answer.status))
    return {
      expected: `status ${statuses.join(' or ')}`,
      came: `${answer.status}${quoted(answer.text).slice(0, shownCharacters)}`,
    };
  if (header !== undefined) {
    const value = answer.headers[header.name.toLowerCase()];
    const pattern = header.equals ?? header.matches ?? '';
    const wanted = filledIn(pattern, values);
    const expected = `header ${header.name} ${header.equals === undefined ? 'to match' : 'to be'} ${shown(wanted)}`;
    if (value === undefined) return { expected, came: 'no such header' };
    const fits = header.equals === undefined ? textMatches(pattern, value, values) : value === wanted;
    if (!fits) return { expected, came: shown(value) };
  }
  if (bodyMatches !== undefined && !textMatches(bodyMatches, answer.text, values)) {
    const size = `${answer.truncated ? 'more than ' : ''}${Buffer.byteLength(answer.text)} bytes`;
    return {
      expected: `a body with ${shown(bodyMatches)}`,
      came: `${size} without it${quoted(answer.text).slice(0, shownCharacters)}`,
    };
  }
  return undefined;
}

function shown(text: string): string {
  return `"${text.replace(/\p{Cc}/gu, ' ').slice(0, shownCharacters)}"`;
}
