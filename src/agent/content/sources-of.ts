// In which order an assignment's sources are tried (LEAD-58): the leader that this node is behind, and last the CCM, however it is reached.

import type { ContentSource, SourcesOf } from './content-source.ts';

export interface SourcesOptions {
  /** Null while this node is behind none. */
  readonly leader: () => ContentSource | null;
  readonly ccm: ContentSource;
}

export function createSourcesOf({ leader, ccm }: SourcesOptions): SourcesOf {
  return () => {
    const near = leader();
    return near === null ? [ccm] : [near, ccm];
  };
}
