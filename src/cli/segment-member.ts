// A node that a command names together with its segment: it must belong there, so that a slip of the pen changes no other segment.

import type { Client } from '../client/client.ts';
import type { SegmentMemberResource, SegmentResource } from '../model/api.ts';
import { TreecastError } from '../model/treecast-error.ts';

/** Throws NOT_FOUND (segment or node), CONFLICT (it belongs elsewhere). */
export async function segmentMember(
  client: Client,
  segmentName: string,
  node: string,
): Promise<{ readonly segment: SegmentResource; readonly member: SegmentMemberResource }> {
  const segment = await client.segments.get(segmentName);
  const member = segment.members.find((candidate) => candidate.node === node);
  if (member !== undefined) return { segment, member };
  const { segment: other } = await client.nodes.get(node);
  throw new TreecastError(
    'CONFLICT',
    `Node ${node} belongs to ${other === null ? 'no segment yet' : `segment ${other}`}, not to ${segmentName}.`,
    { fix: `Name its own segment, or move it: treecast segment assign ${segmentName} ${node}.` },
  );
}
