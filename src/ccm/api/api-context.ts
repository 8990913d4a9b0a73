// What the endpoints work with: the registry, the CCM's service, and the few facts that only the composition knows.

import type { HealthResource } from '../../model/api.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { CcmService } from '../ccm-service.ts';
import type { DriftReports } from '../drift/drift-reports.ts';
import type { Behind } from '../gateway/leaders/member-connection.ts';
import type { KeyService } from '../keys/key-service.ts';
import type { PluginService } from '../plugins/plugin-service.ts';
import type { Registry } from '../registry/registry.ts';
import type { Segments } from '../segments/segments.ts';
import type { Trees } from '../tree/trees.ts';

export interface ApiContext {
  readonly service: CcmService;
  readonly registry: Registry;
  readonly keys: Pick<KeyService, 'list' | 'rotate' | 'rotateContent'>;
  readonly plugins: Pick<
    PluginService,
    'list' | 'tasks' | 'troubledOf' | 'retry' | 'balance' | 'act' | 'hookTimings'
  >;
  readonly drift: Pick<DriftReports, 'of' | 'passedAt'>;
  readonly segments: Pick<Segments, 'list' | 'get' | 'ask' | 'changed' | 'preferred' | 'electionOf'>;
  readonly trees: Pick<Trees, 'ofRelease'>;
  readonly version: HealthResource['version'];
  /** The commit that a ref (or full commit id) of a staging repository names; undefined when there is none. */
  readonly resolveRef: (repository: string, ref: string) => Promise<ObjectId | undefined>;
  readonly isConnected: (node: string) => boolean;
  /** Behind which leader it is. */
  readonly behind: (node: string) => Behind | null;
  /** Where authors push to. */
  readonly gitUrl: (repository: string) => string;
  /** A join token's text around a secret: with the agents' URL and the CA's fingerprint. */
  readonly formatJoinToken: (secret: string) => string;
  /** Throws why `/readyz` says no. */
  readonly requireReady: () => void;
}
