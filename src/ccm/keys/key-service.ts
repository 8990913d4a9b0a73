// Rotation as an operator asks for it: the keys themselves, then everything that depends on them, and which keys there are.

import { X509Certificate } from 'node:crypto';
import type { KeyResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { KeyKind } from '../../net/keys/key-statement.ts';
import type { CoreState } from '../core/state.ts';
import type { AssignmentStore } from '../distribution/assignment-store.ts';
import type { AgentGateway } from '../gateway/agent-gateway.ts';
import type { ServerIdentity } from '../gateway/server-identity.ts';
import type { Registry } from '../registry/registry.ts';
import type { CcmKeys } from './ccm-keys.ts';

export interface KeyService {
  list(): KeyResource[];
  rotate(kind: KeyKind, compromised: boolean, actor: string): Promise<KeyResource>;
  /** New content keys for these sites; their members are given them. */
  rotateContent(sites: readonly string[], actor: string): KeyResource[];
  /** At start: what a rotation that was interrupted left undone. */
  finish(): Promise<void>;
}

export interface KeyServiceOptions {
  readonly keys: CcmKeys;
  readonly registry: Registry;
  readonly state: Pick<CoreState, 'jobs'>;
  readonly store: Pick<AssignmentStore, 'sites' | 'outdated' | 'remove'>;
  readonly identity: ServerIdentity;
  readonly gateway: Pick<AgentGateway, 'reconnectAll'>;
  readonly regrant: (site: string) => void;
}

/** The release key under which the last stored assignments may have been signed; another means that older ones have to go. */
const assignmentsKeySetting = 'assignments-release-key';

export function createKeyService(options: KeyServiceOptions): KeyService {
  const { keys, registry, store } = options;
  let isRotating = false;

  function list(): KeyResource[] {
    const { keys: entries } = keys.history();
    const nodes = registry.nodes.list().map(({ name }) => registry.certificates.current(name)?.authority);
    const current = new Set(
      (['ca', 'release'] as const).map((kind) => entries.findLast((entry) => entry.kind === kind)?.id),
    );
    const rotated = entries.map(
      (entry): KeyResource => ({
        kind: entry.kind,
        id: entry.id,
        site: null,
        state: current.has(entry.id) ? 'current' : entry.compromised ? 'compromised' : 'former',
        since: new Date(entry.since).toISOString(),
        expiresAt:
          entry.kind === 'ca' ? new Date(new X509Certificate(entry.pem).validTo).toISOString() : null,
        // Certificates from before authorities were noted are of the first one.
        nodes:
          entry.kind === 'ca'
            ? nodes.filter(
                (authority) => authority === entry.id || (authority === null && entry === entries[0]),
              ).length
            : null,
      }),
    );
    const sites = registry.sites.list().map(({ name }) => name);
    return [...rotated, ...sites.flatMap(contentKeys)];
  }

  function contentKeys(site: string): KeyResource[] {
    return registry.contentKeys.list(site).map(({ id, createdAt, retiredAt }) => ({
      kind: 'content',
      id,
      site,
      state: retiredAt === null ? 'current' : 'former',
      since: new Date(createdAt).toISOString(),
      expiresAt: null,
      nodes: null,
    }));
  }

  /** They are built anew when they are asked for again. Those of sites with a job keep, while nodes still believe their key. */
  async function dropAssignments(keepRunning: boolean): Promise<void> {
    const busy = new Set([...options.state.jobs.values()].map(({ site }) => site));
    for (const site of store.sites()) {
      if (keepRunning && busy.has(site)) continue;
      for (const id of store.outdated(site, null, 0, Number.MAX_SAFE_INTEGER)) await store.remove(id);
    }
    registry.settings.set(assignmentsKeySetting, keys.releaseKeyId());
  }

  return {
    list,
    async rotate(kind, compromised, actor) {
      if (isRotating) {
        throw new TreecastError('CONFLICT', 'Another rotation is under way.', {
          fix: 'Try again in a moment.',
        });
      }
      isRotating = true;
      try {
        const entry = await keys.rotate(kind, compromised);
        if (kind === 'ca') await options.identity.issue();
        // Who connects anew is told of the new keys before anything that they signed.
        options.gateway.reconnectAll();
        registry.events.append({ actor, kind: 'key.rotated', data: { kind, key: entry.id, compromised } });
        if (kind === 'release') await dropAssignments(!compromised);
        return list().find(({ id }) => id === entry.id) as KeyResource;
      } finally {
        isRotating = false;
      }
    },
    rotateContent(sites, actor) {
      for (const site of sites) {
        registry.contentKeys.rotate(site, actor);
        options.regrant(site);
      }
      return sites.flatMap((site) => contentKeys(site).filter(({ state }) => state === 'current'));
    },
    async finish() {
      const known = registry.settings.get(assignmentsKeySetting);
      if (known === undefined) registry.settings.set(assignmentsKeySetting, keys.releaseKeyId());
      else if (known !== keys.releaseKeyId()) await dropAssignments(false);
    },
  };
}
