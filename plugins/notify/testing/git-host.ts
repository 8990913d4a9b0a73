// Stand-ins for the commit-status APIs of GitHub, GitLab and Gitea: they know one repository and some commits, and refuse what the real
// ones refuse, in their words.

import {
  jsonBody,
  type StandInAnswer,
  type StandInRequest,
  type StandInServer,
  startStandIn,
} from 'treecast/plugin/testing';

export interface GitHost extends StandInServer {
  /** The newest status of each `commit context`. */
  readonly statuses: Map<
    string,
    { readonly state: string; readonly description: string; readonly url: unknown }
  >;
}

export interface GitHostOptions {
  readonly kind: 'github' | 'gitlab' | 'gitea';
  readonly repository: string;
  readonly token: string;
  readonly commits: readonly string[];
}

type Statuses = GitHost['statuses'];

export async function startGitHost(options: GitHostOptions): Promise<GitHost> {
  const statuses: Statuses = new Map();
  const answer = { github, gitlab, gitea }[options.kind];
  const standIn = await startStandIn((request) => answer(request, options, statuses));
  return { ...standIn, statuses };
}

function github(request: StandInRequest, options: GitHostOptions, statuses: Statuses): StandInAnswer {
  const { headers, method, path } = request;
  if (headers['user-agent'] === undefined)
    return { status: 403, body: 'Request forbidden by administrative rules.' };
  if (headers.authorization !== `Bearer ${options.token}`)
    return { status: 401, body: { message: 'Bad credentials' } };
  const [, repository, commit] = /^\/repos\/([^/]+\/[^/]+)\/statuses\/([^/]+)$/.exec(path) ?? [];
  if (method !== 'POST' || repository !== options.repository || commit === undefined)
    return { status: 404, body: { message: 'Not Found' } };
  const { state, context = 'default', description = '', target_url: url } = jsonBody(request) ?? {};
  const invalid = (message: string): StandInAnswer => ({
    status: 422,
    body: { message: 'Validation Failed', errors: [{ resource: 'Status', code: 'custom', message }] },
  });
  if (!['error', 'failure', 'pending', 'success'].includes(String(state)))
    return invalid('state is not included in the list');
  if ([...String(description)].length > 140)
    return invalid('description is too long (maximum is 140 characters)');
  if (String(context).length > 255) return invalid('context is too long (maximum is 255 characters)');
  if (url !== undefined && !/^https?:\/\//.test(String(url)))
    return invalid('target_url must use http(s) scheme');
  if (!options.commits.includes(commit))
    return { status: 422, body: { message: `No commit found for SHA: ${commit}` } };
  statuses.set(`${commit} ${String(context)}`, {
    state: String(state),
    description: String(description),
    url,
  });
  return { status: 201, body: { state } };
}

function gitlab(request: StandInRequest, options: GitHostOptions, statuses: Statuses): StandInAnswer {
  const { headers, method, path } = request;
  if (headers['private-token'] !== options.token)
    return { status: 401, body: { message: '401 Unauthorized' } };
  const [, project, commit] = /^\/projects\/([^/]+)\/statuses\/([^/]+)$/.exec(path) ?? [];
  if (method !== 'POST' || decodeURIComponent(project ?? '') !== options.repository || commit === undefined)
    return { status: 404, body: { message: '404 Project Not Found' } };
  if (!options.commits.includes(commit)) return { status: 404, body: { message: '404 Commit Not Found' } };
  const { state, name = 'default', description = '', target_url: url } = jsonBody(request) ?? {};
  const events: Readonly<Record<string, string>> = {
    pending: 'enqueue',
    running: 'run',
    success: 'success',
    failed: 'drop',
    canceled: 'cancel',
  };
  const event = events[String(state)];
  if (event === undefined) return { status: 400, body: { error: 'state does not have a valid value' } };
  if (String(description).length > 255)
    return { status: 400, body: { message: { description: ['is too long (maximum is 255 characters)'] } } };
  const before = statuses.get(`${commit} ${String(name)}`);
  // Only a running or pending status is changed; after a finished one a new one begins.
  const current =
    before !== undefined && ['pending', 'running'].includes(before.state) ? before.state : undefined;
  if (current === state || (current === 'running' && state === 'pending')) {
    const message = `Cannot transition status via :${event} from :${current} (Reason(s): Status cannot transition via "${event}")`;
    return { status: 400, body: { message } };
  }
  statuses.set(`${commit} ${String(name)}`, { state: String(state), description: String(description), url });
  return { status: 201, body: { status: state } };
}

function gitea(request: StandInRequest, options: GitHostOptions, statuses: Statuses): StandInAnswer {
  const { headers, method, path } = request;
  if (headers.authorization !== `token ${options.token}`)
    return { status: 401, body: { message: 'user does not exist [uid: 0, name: ]' } };
  const [, repository, commit] = /^\/repos\/([^/]+\/[^/]+)\/statuses\/([^/]+)$/.exec(path) ?? [];
  if (method !== 'POST' || repository !== options.repository || commit === undefined)
    return { status: 404, body: { message: "The target couldn't be found." } };
  const { state, context = 'default', description = '', target_url: url } = jsonBody(request) ?? {};
  if (!['pending', 'success', 'error', 'failure', 'warning'].includes(String(state)))
    return { status: 422, body: { message: 'invalid state' } };
  if (!options.commits.includes(commit))
    return { status: 404, body: { message: `object does not exist [id: ${commit}, rel_path: ]` } };
  statuses.set(`${commit} ${String(context)}`, {
    state: String(state),
    description: String(description),
    url,
  });
  return { status: 201, body: { status: state } };
}
