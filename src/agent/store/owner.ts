// Who the files of a site's trees belong to on this node, by the site's policy, and whether this agent can give them away (STG-39).
// Names are those of the node's own /etc/passwd and /etc/group: numbers may differ between nodes.

import fs from 'node:fs';
import type { SiteGrant } from '../../model/messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import type { Modes } from './interpreter.ts';
import { createAnew } from './own-file.ts';
import type { SiteContext } from './site-context.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

type Policy = Pick<SiteGrant['policy'], 'owner' | 'group'>;

const own = { uid: () => process.geteuid?.() ?? 0, gid: () => process.getegid?.() ?? 0 };
const capabilityBits = { CAP_CHOWN: 0n, CAP_DAC_OVERRIDE: 1n, CAP_FOWNER: 3n } as const;

/** Where the policy names one of the two, the other is the agent's own; null when it names neither. Throws OWNER_UNAVAILABLE for a name that this node does not know. */
export function ownerNamed({ owner, group }: Policy): Owner | null {
  if (owner === undefined && group === undefined) return null;
  return {
    uid: owner === undefined ? own.uid() : idOf(owner, 'user', '/etc/passwd'),
    gid: group === undefined ? own.gid() : idOf(group, 'group', '/etc/group'),
  };
}

/** As {@link ownerNamed}; null also for a name that is not known. */
export function knownOwner(policy: Policy): Owner | null {
  try {
    return ownerNamed(policy);
  } catch {
    return null;
  }
}

export function isOwnedBy({ uid, gid }: Owner, owner: Owner | null): boolean {
  return owner === null || (owner.uid === uid && owner.gid === gid);
}

/** For what goes on without: the owner is left out when this agent cannot give it. */
export function givable(modes: Modes): Modes {
  return modes.owner && missingCapabilities(modes.owner).length > 0 ? { ...modes, owner: null } : modes;
}

/** Before a release is received or staged: throws OWNER_UNAVAILABLE when this node cannot give its files to whom the policy says. */
export function checkOwner(context: Pick<SiteContext, 'disk' | 'temporary'>, policy: Policy): void {
  const owner = ownerNamed(policy);
  if (!owner) return;
  const missing = missingCapabilities(owner);
  if (missing.length > 0) throw cannotGive(policy, `it lacks ${missing.join(', ')}`);
  tryOn(context, owner, policy);
}

function idOf(name: string, what: string, file: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const [found, , id = ''] = line.split(':');
    if (found === name && /^\d+$/.test(id)) return Number(id);
  }
  throw new TreecastError('OWNER_UNAVAILABLE', `this node has no ${what} ${name} in ${file}`, {
    fix: `Add the ${what} on the node, or write its number into the site's policy.`,
    data: { [what]: name },
  });
}

/**
 * Who is not root cannot give a file away, nor, once it is given, write into its directory, link it or set its time. A group that the
 * agent is a member of needs nothing.
 */
function missingCapabilities({ uid, gid }: Owner): string[] {
  const isOwnUser = uid === own.uid();
  const isOwnGroup = gid === own.gid() || process.getgroups?.().includes(gid) === true;
  if (isOwnUser && isOwnGroup) return [];
  const needed = isOwnUser
    ? (['CAP_CHOWN'] as const)
    : (['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER'] as const);
  const status = fs.readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return needed.filter((name) => ((effective >> capabilityBits[name]) & 1n) === 0n);
}

/** A user namespace, a system call filter or the file system may forbid it all the same. */
function tryOn(
  { disk, temporary }: Pick<SiteContext, 'disk' | 'temporary'>,
  owner: Owner,
  policy: Policy,
): void {
  const file = temporary();
  const fd = createAnew(disk, file);
  try {
    disk.chown(fd, owner);
  } catch (cause) {
    if (diskTroubleOf(cause)) throw cause;
    throw cannotGive(policy, `chown says ${(cause as NodeJS.ErrnoException).code}`, cause);
  } finally {
    disk.close(fd);
    disk.unlink(file);
  }
}

function cannotGive({ owner, group }: Policy, why: string, cause?: unknown): TreecastError {
  const whom = Object.entries({ user: owner, group }).flatMap(([what, name]) =>
    name === undefined ? [] : [`${what} ${name}`],
  );
  return new TreecastError(
    'OWNER_UNAVAILABLE',
    `this agent cannot give files to ${whom.join(' and ')}: ${why}`,
    {
      fix: "Give the agent the capabilities CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER (a drop-in: share/systemd/treecast-agent-owner.conf), or take owner and group out of the site's policy.",
      data: { owner: owner ?? null, group: group ?? null },
      cause,
    },
  );
}
