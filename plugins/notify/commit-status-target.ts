// The state of a job as a status of its commit, on GitHub, GitLab, Gitea and Forgejo. A commit that the host does not know is told once;
// it is no failure of the publish.

import { type NotifyEvent, PluginError, quoted, type RequestAnswer } from 'treecast/plugin';
import { filledUrl, shortLine } from './fill-in.ts';
import type { CommitStatusConfig, Phase } from './notify-config.ts';
import type { NotifyTarget } from './notify-target.ts';
import { isFine, postJson, refusal } from './post-json.ts';

interface GitHost {
  readonly api: string | undefined;
  readonly states: Readonly<Record<Phase, string>>;
  readonly descriptionMax: number;
  path(repository: string, commit: string): string;
  headers(token: string): Readonly<Record<string, string>>;
  readonly contextKey: 'context' | 'name';
}

const gitea: GitHost = {
  api: undefined,
  states: { started: 'pending', live: 'success', failed: 'failure', superseded: 'warning', aborted: 'error' },
  descriptionMax: 255,
  path: (repository, commit) => `/repos/${repository}/statuses/${commit}`,
  headers: (token) => ({ authorization: `token ${token}` }),
  contextKey: 'context',
};

const gitHosts: Readonly<Record<CommitStatusConfig['host'], GitHost>> = {
  github: {
    ...gitea,
    api: 'https://api.github.com',
    states: { ...gitea.states, superseded: 'error' },
    descriptionMax: 140,
    headers: (token) => ({
      authorization: `Bearer ${token}`,
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
    }),
  },
  gitlab: {
    api: 'https://gitlab.com/api/v4',
    states: {
      started: 'pending',
      live: 'success',
      failed: 'failed',
      superseded: 'canceled',
      aborted: 'canceled',
    },
    descriptionMax: 255,
    path: (repository, commit) => `/projects/${encodeURIComponent(repository)}/statuses/${commit}`,
    headers: (token) => ({ 'private-token': token }),
    contextKey: 'name',
  },
  gitea,
  forgejo: gitea,
};

export function createCommitStatusTarget(config: CommitStatusConfig, on: readonly Phase[]): NotifyTarget {
  const { host, repository, token, context, targetUrl } = config;
  const gitHost = gitHosts[host];
  const api = config.api ?? gitHost.api ?? '';
  return {
    title: `commit status on ${host} (${repository})`,
    key: `commit-status ${api} ${repository} ${context}`,
    wants: (phase) => on.includes(phase),
    async tell(event, _, signal) {
      // A rollback to a tree that came from no commit has nothing to mark.
      if (event.commit === null) return undefined;
      const state = gitHost.states[event.phase];
      const body = {
        state,
        [gitHost.contextKey]: shortLine(context.replaceAll('{site}', event.site), 255),
        description: shortLine(describe(event), gitHost.descriptionMax),
        ...(targetUrl === undefined ? {} : { target_url: filledUrl(targetUrl, event) }),
      };
      const answer = await postJson(api + gitHost.path(repository, event.commit), body, {
        headers: gitHost.headers(token.reveal()),
        signal,
      });
      if (isFine(answer) || isInState(answer, state)) return undefined;
      throw refused(answer, host, repository, event.commit);
    },
  };
}

function describe({ phase, text, release }: NotifyEvent): string {
  if (text.trim() !== '') return text;
  return `${phase === 'live' ? 'Live' : `Publish ${phase}`}${release === null ? '' : `: ${release}`}`;
}

/** GitLab refuses to set what is set already. */
function isInState({ status, text }: RequestAnswer, state: string): boolean {
  return status === 400 && new RegExp(`Cannot transition status via :\\w+ from :${state}\\b`).test(text);
}

function refused(answer: RequestAnswer, host: string, repository: string, commit: string): PluginError {
  const { status, headers, text } = answer;
  const who = `${host} (${repository})`;
  if (status === 401) return refusal(who, answer, 'Renew the token in the plugin’s configuration.');
  const limited = headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
  if (status === 403 && limited)
    return new PluginError(`${who} asks to slow down (403)${quoted(text)}`, {
      fix: 'It is tried again later; fewer programs with this token would help.',
    });
  if (status === 403) return refusal(who, answer, 'Give the token the right to set commit statuses.');
  const short = commit.slice(0, 12);
  if (status === 404)
    return new PluginError(
      `${who} knows no commit ${short}, or does not show this repository to the token (404)${quoted(text)}`,
      { fix: 'Correct `repository`, give the token access, or push the commit there too.', retryable: false },
    );
  if (status === 422 && /no commit found/i.test(text))
    return new PluginError(`${who} knows no commit ${short} (422)`, {
      fix: 'Push the commit there too, or name the repository it lies in.',
      retryable: false,
    });
  return refusal(who, answer, 'Look at what it says; correct the plugin’s configuration.');
}
