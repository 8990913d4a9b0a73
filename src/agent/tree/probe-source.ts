// Asks a silent source, over a connection of its own, whether it is alive and what it holds (TREE-47).

import { type HeldElsewhere, type HeldQuestion, requestHeld } from '../leader/ask-held.ts';

export type ProbeAnswer =
  | 'dead'
  | 'refused'
  | 'lacks'
  /** Alive, and has nothing yet. */
  | 'nothing'
  | Pick<HeldElsewhere, 'has'>;

export async function probeSource(question: HeldQuestion): Promise<ProbeAnswer> {
  try {
    const { status, has } = await requestHeld(question);
    return has === null ? answerOf(status) : { has };
  } catch {
    return 'dead';
  }
}

function answerOf(status: number): ProbeAnswer {
  if (status === 404) return 'lacks';
  return status === 403 ? 'refused' : 'nothing';
}
