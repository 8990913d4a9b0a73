// CHAN-17: what a self-test's answers mean: whether multicast from and to this node arrives, so which transport it uses, and why, in one sentence.

import type { ChannelState, MulticastUse } from '../channel/control-channel.ts';

/** What one other node answered to a series. */
export interface PeerAnswer {
  /** Shares of the series that arrived there, from 0 to 1. */
  readonly heardByGroup: number;
  readonly heardAlone: number;
  /** Whether it was asked by unicast as well. */
  readonly wasAskedAlone: boolean;
  /** Its answer to the group arrived. */
  readonly groupAnswerHeard: boolean;
  /** The longest datagram that arrived there, by group or alone; 0: none of those that were tried. */
  readonly bytesMax: number;
}

export interface NetworkVerdict {
  readonly use: MulticastUse;
  readonly transport: 'multicast' | 'unicast';
  /** One sentence for people. */
  readonly reason: string;
  /** How many nodes answered. */
  readonly answered: number;
  /** Of what was sent to the group, from 0 to 1; null: nobody heard any. */
  readonly loss: number | null;
  /** UDP payload that gets through; null: not known. */
  readonly bytesMax: number | null;
}

/** More is taken for broken, where unicast loses clearly less. */
const lossMax = 0.25;

export function networkVerdict(
  state: Pick<ChannelState, 'place' | 'interface' | 'why' | 'groupError'>,
  answers: readonly PeerAnswer[],
  others: {
    /** How many there are, as far as anybody knows. */
    readonly expected: number;
    /** How many are heard and do not answer when they are asked who they are. */
    readonly unanswered: number;
  },
): NetworkVerdict {
  const { place, groupError } = state;
  const answered = answers.length;
  const where =
    state.interface === null ? 'no interface' : `${state.interface.name} (${state.interface.address})`;
  const hearers = answers.filter(({ heardByGroup }) => heardByGroup > 0);
  const heard = answers.filter(({ groupAnswerHeard }) => groupAnswerHeard);
  const loss = hearers.length === 0 ? null : 1 - mean(hearers.map(({ heardByGroup }) => heardByGroup));
  const bytesMax = answered === 0 ? null : Math.max(...answers.map((answer) => answer.bytesMax)) || null;
  const facts = { answered, loss, bytesMax };
  const multicast = (reason: string): NetworkVerdict => ({
    ...facts,
    use: { isHeard: true, hears: true },
    transport: 'multicast',
    reason,
  });
  const unicast = (use: MulticastUse, reason: string): NetworkVerdict => ({
    ...facts,
    use,
    transport: 'unicast',
    reason,
  });
  const neither = { isHeard: false, hears: false };

  if (state.interface === null) return unicast(neither, `There is no interface: ${state.why}.`);
  if (place.group === null)
    return unicast(neither, `The segment uses unicast; ${answered} nodes answered on ${where}.`);
  if (groupError !== null) {
    return unicast(neither, `Multicast to ${place.group} is refused on ${where}: ${groupError}.`);
  }
  if (answered === 0 && others.unanswered > 0) {
    return multicast(
      `Others are heard on ${where} (${others.unanswered}), but what is sent to one node alone does not arrive there or here: a firewall stops UDP.`,
    );
  }
  if (answered === 0) {
    return others.expected === 0
      ? multicast(`Nobody else is known, so multicast on ${where} was not tested with others.`)
      : multicast(`None of the others has answered on ${where} yet, neither by multicast nor by unicast.`);
  }
  const all = `${answered === 1 ? 'the one node' : `all ${answered} nodes`} that answered`;
  if (hearers.length === 0 && heard.length === 0) {
    return unicast(
      neither,
      `Multicast arrives neither at nor from ${all} by unicast on ${where}: a switch or firewall stops it.`,
    );
  }
  if (hearers.length === 0) {
    return unicast(
      { isHeard: false, hears: true },
      `Multicast from this node does not arrive at ${all} on ${where}; theirs arrives here.`,
    );
  }
  if (heard.length === 0) {
    return unicast(
      { isHeard: true, hears: false },
      `Multicast of ${all} does not arrive at this node on ${where}; its own arrives there.`,
    );
  }
  const alone = hearers.filter(({ wasAskedAlone }) => wasAskedAlone);
  const lossAlone = alone.length === 0 ? null : 1 - mean(alone.map(({ heardAlone }) => heardAlone));
  if (loss !== null && loss > lossMax && lossAlone !== null && lossAlone < loss / 2) {
    return unicast(
      { isHeard: false, hears: true },
      `Multicast on ${where} loses ${percent(loss)}, unicast ${percent(lossAlone)}.`,
    );
  }
  return multicast(
    `Multicast works on ${where}: ${hearers.length} of ${answered} nodes that answered hear this node, ${heard.length} are heard; ${percent(loss ?? 0)} is lost.`,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
