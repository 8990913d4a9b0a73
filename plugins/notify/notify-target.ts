// What a target of notifications is: something that can be told of an event, and that may want to find its own message again later.

import type { NotifyEvent } from 'treecast/plugin';

/** Where a message lies that can be updated. */
export interface MessagePlace {
  readonly channel: string;
  readonly ts: string;
}

export interface NotifyTarget {
  /** What it is, for people: `commit status on github (acme/docs)`. No secret. */
  readonly title: string;
  /** The same over restarts and re-ordered configurations. */
  readonly key: string;
  wants(phase: NotifyEvent['phase']): boolean;
  /** `place`: what telling of an earlier phase of this job answered. Throws a PluginError. */
  tell(
    event: NotifyEvent,
    place: MessagePlace | undefined,
    signal: AbortSignal,
  ): Promise<MessagePlace | undefined>;
}
