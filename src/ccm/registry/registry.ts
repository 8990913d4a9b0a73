// The registry: everything an operator configures, over one database. Each part is a module of its own; this file puts them together.
// All calls are synchronous; those that change something write their event in the same transaction.

import { failpoint } from '../../faults/failpoint.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { type ContentKeyRegistry, createContentKeyRegistry } from './content-key-registry.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createGroupRegistry, type GroupRegistry } from './group-registry.ts';
import { createJoinTokenRegistry, type JoinTokenRegistry } from './join-token-registry.ts';
import {
  createNodeCertificateRegistry,
  type NodeCertificate,
  type NodeCertificateRegistry,
} from './node-certificate-registry.ts';
import { createNodeRegistry, type NodeRecord, type NodeRegistry } from './node-registry.ts';
import { createSegmentRegistry, type SegmentRegistry } from './segment-registry.ts';
import { createSettingRegistry, type SettingRegistry } from './setting-registry.ts';
import { createSiteRegistry, type SiteRegistry } from './site-registry.ts';
import { createTokenRegistry, type TokenRegistry } from './token-registry.ts';

export interface Registry {
  readonly sites: SiteRegistry;
  readonly groups: GroupRegistry;
  readonly nodes: NodeRegistry;
  readonly certificates: NodeCertificateRegistry;
  readonly tokens: TokenRegistry;
  readonly joinTokens: JoinTokenRegistry;
  readonly segments: SegmentRegistry;
  readonly contentKeys: ContentKeyRegistry;
  readonly events: EventLog;
  readonly settings: SettingRegistry;
  /**
   * Uses up the join token and records the node, or neither; for the same node with the same key once more, as its answer may have been
   * lost. Throws JOIN_TOKEN_INVALID, ALREADY_EXISTS, INVALID_INPUT.
   */
  joinNode(
    joinSecret: string,
    node: {
      readonly name: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly certificate: NodeCertificate;
      /** SHA-256 of its public key (SPKI). */
      readonly keyHash?: string;
    },
  ): NodeRecord;
  /** Removes the node and changes the content keys of its sites, or neither. Returns these sites. */
  removeNode(node: string, actor: string): string[];
}

export interface RegistryOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export function createRegistry(database: CcmDatabase, options: RegistryOptions = {}): Registry {
  const now = options.now ?? Date.now;
  const events = createEventLog(database, now);
  const certificates = createNodeCertificateRegistry(database, events, now);
  const nodes = createNodeRegistry(database, certificates, events, now);
  const contentKeys = createContentKeyRegistry(database, events, now);
  const joinTokens = createJoinTokenRegistry(database, events, now);
  const segments = createSegmentRegistry(database, nodes, events, now);
  const groups = createGroupRegistry(database, nodes, events);
  return {
    sites: createSiteRegistry(database, contentKeys, events, now),
    groups,
    nodes,
    certificates,
    tokens: createTokenRegistry(database, events, now),
    joinTokens,
    segments,
    contentKeys,
    events,
    settings: createSettingRegistry(database),
    removeNode(node, actor) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.removed-with-keys'));
        const sites = groups.sitesOf(node);
        nodes.remove(node, actor);
        for (const site of sites) contentKeys.rotate(site, actor);
        return sites;
      });
    },
    joinNode(joinSecret, { keyHash, ...node }) {
      return database.transaction(() => {
        database.afterCommit(() => failpoint('ccm.node.admitted'));
        const known = nodes.find(node.name) && certificates.current(node.name);
        if (known && keyHash !== undefined && joinTokens.wasRedeemedBy(joinSecret, node.name, keyHash)) {
          certificates.renewed(node.name, known, node.certificate);
          return nodes.get(node.name);
        }
        const segment = joinTokens.redeem(joinSecret, node.name, keyHash);
        nodes.join(node);
        if (segment !== null) segments.place(node.name, segment, 'token', node.name);
        return nodes.get(node.name);
      });
    },
  };
}
