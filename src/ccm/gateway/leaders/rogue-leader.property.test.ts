// LEAD-3 as a property: whatever a leader carries, in whatever order, repeated or altered, the CCM hears of each node only what that node said, once,
// and in its order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SignedFrame } from '../../../model/leader-messages.ts';
import { until } from '../../../plugins/testing/until.ts';
import { addRawMember, connectRawLeader, openingOf, type RawMember } from '../testing/raw-leader.ts';
import { runGateway } from '../testing/running-gateway.ts';

const names = ['web2', 'web3'] as const;
const member = fc.constantFrom(0, 1);
const action = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('say' as const), who: member }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const), who: member }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replay' as const), at: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), who: member }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('alter' as const),
      at: fc.nat(50),
      how: fc.constantFrom('counter' as const, 'node' as const, 'session' as const, 'text' as const),
    }),
  },
);
const seed = 20_261_128;

function altered(frame: SignedFrame, how: 'counter' | 'node' | 'session' | 'text'): SignedFrame {
  if (how === 'counter') return { ...frame, counter: frame.counter + 1 };
  if (how === 'session') return { ...frame, session: 'f'.repeat(32) };
  if (how === 'node') return { ...frame, node: frame.node === names[0] ? names[1] : names[0] };
  return { ...frame, text: frame.text.replace('"site":"', '"site":"x') };
}

test(`LEAD-3: whatever is carried, each node is heard as it spoke (seed ${seed})`, async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const members = [await addRawMember(running, names[0]), await addRawMember(running, names[1])] as const;
  const said = new Map<string, number[]>(names.map((name) => [name, []]));
  const carried: object[] = [];
  let sequence = 0;

  const carry = (message: object): void => {
    carried.push(message);
    leader.say(message);
  };
  const word = (who: RawMember): void => {
    sequence += 1;
    said.get(who.node)?.push(sequence);
    const release = { epoch: 1, sequence };
    carry({
      type: 'relayed',
      frames: [who.sign(leader.session(), { type: 'undone', site: 'shop', release })],
    });
  };
  const alter = (message: object | undefined, how: Parameters<typeof altered>[1]): void => {
    if (message === undefined) return;
    if ('frames' in message)
      leader.say({ ...message, frames: (message.frames as SignedFrame[]).map((one) => altered(one, how)) });
    else if ('frame' in message)
      leader.say({ ...message, frame: altered(message.frame as SignedFrame, how) });
  };
  const heard = (name: string): number[] =>
    running.events.flatMap((event) =>
      event.what === 'message' && event.node === name && event.report.type === 'undone'
        ? [event.report.release.sequence]
        : [],
    );

  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 25 }), async (actions) => {
      for (const one of actions) {
        if (one.do === 'say') word(members[one.who]);
        else if (one.do === 'open') carry(openingOf(members[one.who], leader.session()));
        else if (one.do === 'close') carry({ type: 'relayClosed', node: names[one.who], because: 'link' });
        else if (one.do === 'replay')
          leader.say(
            carried[one.at % Math.max(1, carried.length)] ?? {
              type: 'relayClosed',
              node: 'web2',
              because: 'link',
            },
          );
        else alter(carried[one.at % Math.max(1, carried.length)], one.how);
      }
      sequence += 1;
      const marker = sequence;
      leader.say({ type: 'undone', site: 'shop', release: { epoch: 1, sequence: marker } });
      await until('all is read', () => heard('web1').at(-1) === marker);
      for (const name of names) {
        const rest = [...(said.get(name) ?? [])];
        for (const number of heard(name)) {
          while (rest.length > 0 && rest[0] !== number) rest.shift();
          assert.equal(
            rest.shift(),
            number,
            `${name} was heard to say ${number}, and said it not, or not then`,
          );
        }
      }
      carried.splice(0, Math.max(0, carried.length - 50));
    }),
    { seed, numRuns: 60 },
  );
  assert.ok(
    names.every((name) => heard(name).length > 20),
    'honest words come through',
  );
});
