// What a CCM is started with, and what its starter holds of it.

import type { Logger } from 'pino';
import type { RateLimit } from '../model/rate-limit.ts';
import type { PluginEntry } from '../plugins/host/plugin-entry.ts';
import type { Registry } from './registry/registry.ts';
import type { SegmentSettings } from './segments/segment-links.ts';

export interface CcmOptions {
  readonly directory: string;
  /** `host:port`; port 0 lets the system choose. */
  readonly listen: string;
  readonly agentListen: string;
  /** The operator's certificate and key for the public port, PEM; without them it speaks plain HTTP. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  /** Origins without trailing slash; by default the addresses listened on. */
  readonly publicUrl?: string | undefined;
  readonly agentUrl?: string | undefined;
  readonly logger: Logger;
  readonly plugins?: readonly PluginEntry[];
  /** KEYS-1: what certificates last that are issued from now on. */
  readonly certificateDays?: number;
  /** TREE-73: what all that fetch assignments from here get together; null: no limit. */
  readonly uplink?: RateLimit | null;
  /** What all segments' nodes are told of their timing; `fast` when it is left out. */
  readonly segments?: SegmentSettings;
  /** Whether group leaders fetch from each other (TREE-91); left out: they do. */
  readonly tree?: 'on' | 'off';
  /** Ends the wait for a plugin that hangs while it is set up; its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Whether a state directory that does not exist is made. */
  readonly create?: boolean;
  /** How often pushes whose event was lost are looked for; they are at start as well. */
  readonly recoverIntervalMs?: number;
  /** Called when the CCM can no longer go on (its database refused a write): the process should end and be started again. */
  readonly onFatal?: (error: unknown) => void;
}

export interface Ccm {
  /** Origin of the public port. */
  readonly api: string;
  /** Origin of the agents' port. */
  readonly agentUrl: string;
  git(repository: string): string;
  readonly registry: Registry;
  close(): Promise<void>;
}
