// Which CCM a command talks to, and as whom: --api/--token, else TREECAST_API/TREECAST_TOKEN, else the context file.
// A token is only ever sent to the CCM that it was given for.

import { TreecastError } from '../model/treecast-error.ts';
import { contextPath, readContext } from './context-file.ts';

export interface Connection {
  /** Origin, without trailing slash. */
  readonly api: string;
  readonly token: string;
  /** Where `api` came from. */
  readonly source: 'option' | 'environment' | 'context';
}

export interface ConnectionOptions {
  readonly api?: string | undefined;
  readonly token?: string | undefined;
}

export async function resolveConnection(
  options: ConnectionOptions,
  env: NodeJS.ProcessEnv,
): Promise<Connection> {
  const path = contextPath(env);
  const givenToken = options.token || env['TREECAST_TOKEN'] || undefined;
  const givenApi = options.api || env['TREECAST_API'] || undefined;
  const context = givenApi && givenToken ? undefined : await readContext(path);
  const api = givenApi === undefined ? context?.api : originOf(givenApi);
  if (api === undefined) {
    throw new TreecastError('INVALID_INPUT', 'No CCM is known.', {
      fix: `Start one with \`treecast up\`, or give --api URL --token TOKEN (or TREECAST_API and TREECAST_TOKEN). There is no context file ${path}.`,
    });
  }
  const token = givenToken ?? (context?.api === api ? context.token : undefined);
  if (token === undefined) {
    throw new TreecastError('INVALID_INPUT', `No token for the CCM at ${api}.`, {
      fix: `Give --token TOKEN or TREECAST_TOKEN; the context file ${path} has ${context ? `one for ${context.api} only` : 'none'}.`,
    });
  }
  return { api, token, source: options.api ? 'option' : givenApi ? 'environment' : 'context' };
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.origin === 'null') {
    throw new TreecastError('INVALID_INPUT', `\`${text}\` is not the URL of a CCM.`, {
      fix: 'Give an origin such as https://ccm.example.org or http://127.0.0.1:7070.',
    });
  }
  return url.origin;
}
