// A stand-in for an IndexNow endpoint: refuses what the protocol's documentation says it refuses.

import {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

export interface Indexnow extends StandInServer {
  /** In the order of arrival, repetitions too. */
  readonly heard: string[];
}

export interface IndexnowOptions {
  readonly host: string;
  readonly key: string;
  /** Where the site serves the key; default: `/<key>.txt`. */
  readonly keyPath?: string;
}

export async function startIndexnow(options: IndexnowOptions): Promise<Indexnow> {
  const heard: string[] = [];
  const standIn = await startStandIn((request) => answer(request, options, heard));
  return { ...standIn, heard };
}

function answer(
  request: StandInRequest,
  { host, key, keyPath }: IndexnowOptions,
  heard: string[],
): StandInAnswer {
  const refuse = (status: number, code: string, message: string): StandInAnswer => ({
    status,
    body: { code, message },
  });
  const body = jsonBody(request);
  const json = /^application\/json\b/.test(request.headers['content-type'] ?? '');
  if (request.method !== 'POST' || !json || body === undefined)
    return refuse(400, 'BadRequest', 'Invalid format');
  const { urlList, keyLocation } = body;
  const urls: unknown[] = Array.isArray(urlList) ? urlList : [];
  if (urls.length === 0 || urls.length > 10_000)
    return refuse(400, 'InvalidRequestParameters', 'urlList must have 1 to 10,000 URLs');
  if (typeof body['key'] !== 'string' || !/^[a-zA-Z0-9-]{8,128}$/.test(body['key']))
    return refuse(400, 'InvalidRequestParameters', 'Invalid key');
  const served = keyPath ?? `/${key}.txt`;
  const location = new URL(
    typeof keyLocation === 'string' ? keyLocation : `/${body['key']}.txt`,
    `https://${host}`,
  );
  if (body['host'] !== host || location.host !== host)
    return refuse(422, 'InvalidRequestParameters', 'The key location does not belong to the host');
  if (body['key'] !== key || location.pathname !== served)
    return refuse(403, 'SiteVerificationNotCompleted', 'Site Verification is not completed.');
  const directory = served.slice(0, served.lastIndexOf('/') + 1);
  for (const url of urls) {
    const parsed = typeof url === 'string' ? URL.parse(url) : null;
    if (parsed === null) return refuse(400, 'InvalidRequestParameters', 'Invalid URL in urlList');
    if (parsed.host !== host || !parsed.pathname.startsWith(directory))
      return refuse(422, 'InvalidRequestParameters', 'One or more URLs do not belong to the host');
  }
  heard.push(...urls.map(String));
  return { status: heard.length === urls.length ? 202 : 200, body: '' };
}
