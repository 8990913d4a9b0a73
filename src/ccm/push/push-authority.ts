// What the CCM says to a push: who may, what is refused before a ref moves, and what the pusher's terminal shows until it is live.

import type { GitSource } from '../../git-source/git-source.ts';
import type { Push, PushAuthority, RefUpdate } from '../../git-source/push-authority.ts';
import type { Site } from '../../model/site.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import type { CcmService } from '../ccm-service.ts';
import type { Repositories } from '../planning/repositories.ts';
import type { TreeGuard } from '../planning/tree-guard.ts';
import { isAuthorOf, maySee, type Principal } from '../registry/permission.ts';
import type { Registry } from '../registry/registry.ts';
import type { DatabaseHealth } from '../runner/database-health.ts';
import { joinLines } from './join-lines.ts';

export interface PushAuthorityOptions {
  readonly registry: Registry;
  /** A push whose job could not be written is refused before its ref moves. */
  readonly health: Pick<DatabaseHealth, 'require'>;
  readonly service: CcmService;
  readonly repositories: Repositories;
  readonly guard: TreeGuard;
  readonly liveTree: (site: string) => ObjectId | null;
}

const pushOptions: readonly string[] = ['allow-delete', 'nowait'];

/** A push is judged and its refs are moved within this time. */
const pushMs = 120_000;

/** Repositories with a push between its first ref check and its jobs: the search for missed pushes leaves them alone. */
export interface PushTracker {
  isPushing(repository: string): boolean;
}

export function createPushAuthority(options: PushAuthorityOptions): PushAuthority & PushTracker {
  const { registry, service, repositories, guard } = options;
  /** Pushes between their first check and their jobs. One that git then refuses is never heard of again, so entries age. */
  const pushing = new Map<string, { readonly repository: string; readonly since: number }>();

  async function refusals(
    site: Site,
    update: RefUpdate,
    push: Push,
    principal: Principal,
    source: GitSource,
  ): Promise<readonly string[]> {
    if (!isAuthorOf(principal, site.name)) {
      return [
        `refused: token ${push.author} may not push to site ${site.name} (branch ${site.branch}) [FORBIDDEN]`,
        'what to do: ask an admin for a token with the author role for this site',
      ];
    }
    if (isZero(update.after)) {
      if (site.policy.branchDeletion === 'allow') return [];
      return [
        `refused: branch ${site.branch} is published as site ${site.name} and may not be deleted [BRANCH_DELETION]`,
        `what to do: remove the site first (treecast site remove ${site.name}), or set its policy branchDeletion to allow`,
      ];
    }
    const target = await source.treeOf(update.after);
    return guard.refusal({
      policy: site.policy,
      source,
      live: options.liveTree(site.name),
      target,
      allowDelete: push.options.includes('allow-delete'),
    });
  }

  return {
    isPushing(repository) {
      for (const [id, push] of pushing) {
        if (performance.now() - push.since > pushMs) pushing.delete(id);
        else if (push.repository === repository) return true;
      }
      return false;
    },

    async authorize({ password }, repository, access) {
      const principal = registry.tokens.authenticate(password);
      if (principal === undefined) {
        throw new TreecastError('UNAUTHENTICATED', 'The token is wrong, revoked or expired.', {
          fix: 'Give an author token as the password, with any user name.',
        });
      }
      const sites = registry.sites.ofRepository(repository);
      if (sites.length === 0)
        throw new TreecastError('NOT_FOUND', `There is no repository ${repository}.`, {
          fix: 'See `treecast site list` for Git URLs.',
        });
      const allowed = sites.some((site) =>
        access === 'read' ? maySee(principal, site.name) : isAuthorOf(principal, site.name),
      );
      if (!allowed) {
        throw new TreecastError(
          'FORBIDDEN',
          `Token ${principal.name} may not ${access === 'read' ? 'read' : 'push to'} repository ${repository}.`,
          { fix: 'Ask an admin for a token with the author role for this site.' },
        );
      }
      return { author: principal.name, authorId: principal.tokenId };
    },

    async beforeRefs(push, quarantine) {
      // The pack may have been on its way for long.
      const principal = registry.tokens.find(push.authorId);
      if (principal === undefined) {
        return {
          accepted: false,
          lines: [
            `refused: token ${push.author} was revoked or expired during the push [UNAUTHENTICATED]`,
            'what to do: ask an admin for a new token with the author role for this site',
          ],
        };
      }
      const sites = registry.sites.ofRepository(push.repository);
      const source = repositories.inQuarantine(push.repository, quarantine);
      pushing.set(push.id, { repository: push.repository, since: performance.now() });
      try {
        options.health.require();
        const lines: string[] = [];
        for (const update of push.updates) {
          for (const site of sites.filter((candidate) => update.ref === `refs/heads/${candidate.branch}`)) {
            lines.push(...(await refusals(site, update, push, principal, source)));
          }
        }
        if (lines.length > 0) pushing.delete(push.id);
        return lines.length === 0 ? { accepted: true } : { accepted: false, lines };
      } catch (error) {
        pushing.delete(push.id);
        const { message, fix, code } = toWireError(error);
        return {
          accepted: false,
          lines: [`refused: ${message} [${code}]`, ...(fix === undefined ? [] : [`what to do: ${fix}`])],
        };
      } finally {
        await source.close();
      }
    },

    async *afterRefs(push) {
      const wanted = registry.sites.ofRepository(push.repository).flatMap((site) => {
        const update = push.updates.find((candidate) => candidate.ref === `refs/heads/${site.branch}`);
        return update === undefined || isZero(update.after) ? [] : [{ site, commit: update.after }];
      });
      const started: { site: string; job: string }[] = [];
      const prefix = (site: string) => (wanted.length > 1 ? `${site}: ` : '');
      try {
        for (const { site, commit } of wanted) {
          const job = await service.publish({
            site: site.name,
            commit,
            requestedBy: push.author,
            branchHead: commit,
            allowDelete: push.options.includes('allow-delete'),
          });
          started.push({ site: site.name, job: job.id });
        }
      } finally {
        pushing.delete(push.id);
      }
      yield* remarks(push, registry.sites.ofRepository(push.repository), wanted.length > 0);
      if (push.options.includes('nowait')) {
        for (const { site, job } of started)
          yield `${prefix(site)}queued as job ${job}; see treecast job show ${job}`;
        return;
      }
      yield* joinLines(
        started.map(({ site, job }) => ({ prefix: prefix(site), updates: service.follow(job) })),
      );
    },
  };
}

/** What the author may have meant otherwise: a branch that is not published, an option that does not exist. */
function* remarks(push: Push, sites: readonly Site[], publishes: boolean): Generator<string> {
  for (const option of push.options) {
    if (!pushOptions.includes(option)) {
      yield `push option ${JSON.stringify(option)} is not known and does nothing (known: ${pushOptions.join(', ')})`;
    }
  }
  const [site] = sites;
  if (publishes || site === undefined) return;
  for (const { ref, after } of push.updates) {
    if (isZero(after)) continue;
    yield `${ref.replace(/^refs\/heads\//, '')} is stored and not published; site ${site.name} publishes ${site.branch}: git push … HEAD:${site.branch}`;
  }
}

function isZero(id: string): boolean {
  return /^0+$/.test(id);
}
