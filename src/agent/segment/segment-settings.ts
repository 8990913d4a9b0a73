// What agent.yaml says of the node's segment, and how that and the CCM's word become what the node does: the file overrides the CCM.

import { isIP } from 'node:net';
import { z } from 'zod';
import { channelProblem } from '../../model/control-channel-rule.ts';
import {
  type ControlChannel,
  type SegmentTiming,
  type TimingPreset,
  timingPresets,
} from '../../model/segment.ts';
import { timersSchema } from '../../net/link/segment-schemas.ts';
import type { KnownAddress } from '../../net/segment/channel/control-channel.ts';
import { segmentTimings } from '../../protocol/segment/timing.ts';
import { timingProblems } from '../../protocol/segment/timing-problems.ts';

const peerPattern =
  /^(?:\[([0-9a-fA-F:.%A-Za-z_-]{2,60})\]|([0-9.]{7,15})|([0-9a-fA-F:.]{2,45}))(?::(\d{1,5}))?$/;

const peerSchema = z
  .string()
  .max(80)
  .refine(
    (text) => readPeer(text, 1) !== undefined,
    'not an IP address with or without a port, as 10.0.0.7 or [2001:db8::7]:17447',
  );

export const segmentSettingsSchema = z
  .strictObject({
    interface: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Network interface of the control channel, by name or address; default: the one over which the CCM is reached.',
      ),
    transport: z
      .enum(['auto', 'multicast', 'unicast'])
      .default('auto')
      .describe('`auto`: multicast, unless the self-test finds that it does not work.'),
    group: z
      .string()
      .refine(
        (group) => channelProblem({ transport: 'multicast', group, port: 1 }) === undefined,
        'not a multicast address',
      )
      .optional()
      .describe('Multicast group, IPv4 or IPv6; default: as the CCM says.'),
    port: z
      .int()
      .min(1)
      .max(65_527)
      .optional()
      .describe(
        'UDP port of the group; the eight behind it are those on which agents are reached. Default: as the CCM says.',
      ),
    peers: z
      .array(peerSchema)
      .max(1_024)
      .default([])
      .describe('Other nodes by IP address, for unicast; those that the CCM knows need not be named.'),
    lead: z
      .enum(['allowed', 'never'])
      .default('allowed')
      .describe('`never`: this node is only ever a member, whatever the CCM says.'),
    preset: z.enum(timingPresets).optional().describe('Timing; default: as the CCM says.'),
    timers: timersSchema
      .default({})
      .describe(
        'Single timers in milliseconds; the same in all nodes of a segment, so rather set them at the CCM.',
      ),
    location: z
      .string()
      .max(256)
      .optional()
      .describe('Where the node is; shown with the segment that it leads.'),
  })
  .superRefine(({ preset = 'fast', timers }, context) => {
    for (const message of timingProblems({ ...segmentTimings[preset], ...timers }))
      context.addIssue({ code: 'custom', path: ['timers'], message });
  });

export type SegmentSettings = z.output<typeof segmentSettingsSchema>;

export function channelOf({ group, port }: SegmentSettings, said: ControlChannel): ControlChannel {
  if (said.transport === 'unicast') return { ...said, port: port ?? said.port };
  return { ...said, group: group ?? said.group, port: port ?? said.port };
}

export function timingOf(
  settings: SegmentSettings,
  said: {
    readonly preset: TimingPreset;
    readonly timers: { readonly [Timer in keyof SegmentTiming]?: number | undefined };
  },
): SegmentTiming {
  const preset = segmentTimings[settings.preset ?? said.preset];
  const timing = {
    ...preset,
    ...(settings.preset === undefined ? defined(said.timers) : {}),
    ...defined(settings.timers),
  };
  // The two of them may not fit each other.
  return timingProblems(timing).length === 0 ? timing : preset;
}

function defined(
  timers: { readonly [Timer in keyof SegmentTiming]?: number | undefined },
): Partial<SegmentTiming> {
  return Object.fromEntries(Object.entries(timers).filter(([, value]) => value !== undefined));
}

/** `port` is the group's: who names none is expected on the first behind it. */
export function peersOf({ peers }: SegmentSettings, port: number): KnownAddress[] {
  return peers.flatMap((text) => readPeer(text, port + 1) ?? []);
}

function readPeer(text: string, portDefault: number): KnownAddress | undefined {
  const [, bracketed, v4, v6, digits] = peerPattern.exec(text) ?? [];
  // Without brackets the last group of an IPv6 address would be a port.
  const whole = isIP(text) === 6 ? text : undefined;
  const address = whole ?? bracketed ?? v4 ?? v6;
  const port = whole !== undefined || digits === undefined ? portDefault : Number(digits);
  if (address === undefined || isIP(address) === 0 || port < 1 || port > 65_535) return undefined;
  return { node: null, address, port };
}
