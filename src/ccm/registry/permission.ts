// What a token may do. Roles include one another: admin → operator → viewer; author stands beside them and is bound to its sites.

import type { Role } from '../../model/api.ts';

/** Who asks: an authenticated token. */
export interface Principal {
  readonly tokenId: string;
  /** The token's name: the actor in the event log. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Sites it may author; null means all. */
  readonly sites: readonly string[] | null;
  /** Milliseconds since 1970; null when it does not expire. */
  readonly expiresAt: number | null;
}

const included: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer', 'operator', 'admin'],
  author: ['author'],
  operator: ['operator', 'admin'],
  admin: ['admin'],
};

/** Whether it has the role, or one that includes it. An author's sites are not asked: see {@link isAuthorOf}. */
export function hasRole(principal: Principal, role: Role): boolean {
  return principal.roles.some((own) => included[role].includes(own));
}

/** May push to the site, and publish it. */
export function isAuthorOf(principal: Principal, site: string): boolean {
  return hasRole(principal, 'author') && (principal.sites === null || principal.sites.includes(site));
}

/** May see the site, its status and its jobs, and read its repository. */
export function maySee(principal: Principal, site: string): boolean {
  return hasRole(principal, 'viewer') || isAuthorOf(principal, site);
}
