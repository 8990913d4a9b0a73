// Sets where a segment's control messages go.

import { z } from 'zod';
import { channelProblem } from '../../model/control-channel-rule.ts';
import type { ControlChannel } from '../../model/segment.ts';
import { defineCommand } from '../command.ts';
import { listenAddress, name, port } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';

export const segmentSetControlChannel = defineCommand({
  name: 'segment set-control-channel',
  summary: 'say where a segment’s control messages go',
  details:
    'The leader takes its members there; a node that is away follows when it is back. Other segments on the same LAN may share a channel: messages name their segment.',
  arguments: [{ name: 'segment', summary: 'its name' }],
  options: [
    {
      flags: '--multicast <group:port>',
      summary: 'an IPv4 or IPv6 group: 239.255.84.67:17446, [ff15::1]:17446',
    },
    { flags: '--unicast <port>', summary: 'to each node by itself, at the addresses that the CCM knows' },
  ],
  examples: [
    {
      line: 'treecast segment set-control-channel rack-5 --multicast 239.255.84.68:17446',
      explanation: 'a group of its own',
    },
    {
      line: 'treecast segment set-control-channel rack-5 --unicast 17446',
      explanation: 'where the network carries no multicast',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z
    .strictObject({ segment: name, multicast: listenAddress.optional(), unicast: port.optional() })
    .check((context) => {
      const { multicast, unicast } = context.value;
      if ((multicast === undefined) === (unicast === undefined)) {
        const message = 'Give either --multicast GROUP:PORT or --unicast PORT';
        context.issues.push({ code: 'custom', path: ['multicast'], message, input: context.value });
        return;
      }
      const channel = channelOf(context.value);
      const problem = channel.port === 0 ? 'must have a port from 1 to 65535' : channelProblem(channel);
      if (problem === undefined) return;
      const path = [multicast === undefined ? 'unicast' : 'multicast'];
      context.issues.push({ code: 'custom', path, message: `The channel ${problem}`, input: context.value });
    }),
  async run({ segment, ...given }, { client, output }) {
    const changed = await (await client()).segments.update(segment, { channel: channelOf(given) });
    output.answer(changed, () => segmentLines(changed));
  },
});

function channelOf({
  multicast,
  unicast,
}: {
  readonly multicast?: string | undefined;
  readonly unicast?: number | undefined;
}): ControlChannel {
  if (multicast === undefined) return { transport: 'unicast', group: null, port: unicast ?? 0 };
  const split = multicast.lastIndexOf(':');
  const group = multicast.slice(0, split).replace(/^\[|\]$/g, '');
  return { transport: 'multicast', group, port: Number(multicast.slice(split + 1)) };
}
