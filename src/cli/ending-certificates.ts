// Which nodes' certificates have ended, or will soon. Agents renew with a third of the time left; the last weeks are a sign that one cannot.

import type { NodeResource } from '../model/api.ts';

const soonMs = 14 * 86_400_000;

export function endingCertificates<Node extends Pick<NodeResource, 'certificate'>>(
  nodes: readonly Node[],
  nowMs: number,
): Node[] {
  return nodes.filter(
    ({ certificate }) => certificate === null || Date.parse(certificate.expiresAt) - nowMs < soonMs,
  );
}
