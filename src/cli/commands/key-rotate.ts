// Replaces a key of the CCM.

import { z } from 'zod';
import type { KeyRotation } from '../../model/api.ts';
import { keyKinds } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { keyLines } from '../key-lines.ts';

export const keyRotate = defineCommand({
  name: 'key rotate',
  summary: 'replace the CA, the release key, or the content keys of sites',
  details:
    'Nodes follow by themselves, also those that are away, over any number of rotations: each key vouches for the next. ' +
    'Join tokens that were made before a new CA are good no more. With --compromised nobody believes the former key any more; ' +
    'a CA that was compromised vouches for nothing, so that every node has to be removed and to join again.',
  arguments: [{ name: 'kind', summary: '`ca`, `release` or `content`' }],
  options: [
    { flags: '--site <site>', summary: 'content: only this site' },
    { flags: '--group <group>', summary: 'content: only the sites of this group' },
    { flags: '--compromised', summary: 'ca, release: somebody else may have the former key' },
  ],
  examples: [
    {
      line: 'treecast key rotate release',
      explanation: 'what is signed from now on is signed with a new key',
    },
    {
      line: 'treecast key rotate content --site docs',
      explanation: 'seals the next publishes of docs with a new key',
    },
    {
      line: 'treecast key rotate ca',
      explanation: 'each node renews its certificate with the new CA as it connects',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"keys":[KeyResource]}`: the new ones.',
  input: z.strictObject({
    kind: z.enum(keyKinds),
    site: name.optional(),
    group: name.optional(),
    compromised: z.boolean().default(false),
  }),
  async run({ kind, site, group, compromised }, { client, output }) {
    const keys = await (await client()).keys.rotate(rotationOf({ kind, site, group, compromised }));
    output.answer({ keys }, () => keyLines(keys));
  },
});

function rotationOf({
  kind,
  site,
  group,
  compromised,
}: {
  readonly kind: (typeof keyKinds)[number];
  readonly site: string | undefined;
  readonly group: string | undefined;
  readonly compromised: boolean;
}): KeyRotation {
  if (kind === 'content' && !compromised) {
    return { kind, ...(site === undefined ? {} : { site }), ...(group === undefined ? {} : { group }) };
  }
  if (kind !== 'content' && site === undefined && group === undefined) return { kind, compromised };
  throw new TreecastError('INVALID_INPUT', `These options do not go with ${kind} keys.`, {
    fix: '--site and --group are for content keys, --compromised for ca and release.',
  });
}
