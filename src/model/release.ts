// A release: the (epoch, sequence) pair that names one published tree of one site, and its order.
// The epoch rises only when a CCM database was restored from a backup; the sequence rises with every decision.

export interface Release {
  readonly epoch: number;
  readonly sequence: number;
}

/** `{ epoch: 3, sequence: 42 }` → `3-0042`, the directory name of a tree slot. */
export function releaseName(release: Release): string {
  return `${release.epoch}-${String(release.sequence).padStart(4, '0')}`;
}

/** The inverse of {@link releaseName}; undefined when the name is not a release's. */
export function parseReleaseName(name: string): Release | undefined {
  const match = /^(0|[1-9]\d{0,8})-(\d{4}|[1-9]\d{4,11})$/.exec(name);
  return match ? { epoch: Number(match[1]), sequence: Number(match[2]) } : undefined;
}

/** Negative when `a` is older than `b`, zero when they are the same, positive when `a` is newer. */
export function compareReleases(a: Release, b: Release): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}
