// A node's opening as its leader carried it: whose it is, and what it says. Whether that node may be here, and there, is asked elsewhere.

import { X509Certificate } from 'node:crypto';
import { type LeaderAgentMessage, leaderProfile, type Told } from '../../../model/leader-messages.ts';
import type { Hello } from '../../../model/messages.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import { parseJsonText } from '../../../net/link/parse-message.ts';
import { parseOpening } from '../../../net/relay/opening-schema.ts';
import { isGenuineFrame } from '../../../net/relay/signed-frame.ts';
import { holderOf, type Peer } from '../peer-certificate.ts';

export interface ReadOpening {
  readonly peer: Peer;
  readonly hello: Hello;
  readonly protocol: number;
  readonly told: Told;
}

/** Throws CERTIFICATE_INVALID, MESSAGE_INVALID, PROTOCOL_VERSION. */
export function readOpening(
  { certificate, frame }: Extract<LeaderAgentMessage, { type: 'relayOpen' }>,
  expected: {
    readonly session: string;
    readonly above: number;
    readonly authorities: readonly X509Certificate[];
  },
): ReadOpening {
  const { node } = frame;
  const peer = holderOf(parseCertificate(certificate, node), expected.authorities);
  if (peer?.node !== node)
    throw new TreecastError('CERTIFICATE_INVALID', `The certificate shown for node ${node} is not its own.`, {
      fix: 'Join the node with `treecast agent join`.',
    });
  if (!isGenuineFrame(frame, { ...expected, node, key: peer.publicKey }))
    throw new TreecastError(
      'MESSAGE_INVALID',
      `What the leader carried as the opening of ${node} is not its word.`,
      {
        fix: 'The node uses a link of its own; look at the agent on the leader if this stays.',
      },
    );
  const opening = parseOpening(parseJsonText(frame.text));
  if (opening.hello.node !== node)
    throw new TreecastError(
      'CERTIFICATE_INVALID',
      `The hello names ${opening.hello.node}, the certificate ${node}.`,
    );
  if (!opening.hello.profiles.includes(leaderProfile))
    throw new TreecastError('MESSAGE_INVALID', `The agent of ${node} knows nothing of leaders.`);
  return { peer, ...opening };
}

function parseCertificate(base64: string, node: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch (cause) {
    throw new TreecastError('CERTIFICATE_INVALID', `What was shown for node ${node} is no certificate.`, {
      cause,
    });
  }
}
