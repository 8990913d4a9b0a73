// Names for segments that nobody named: easy to say, easy to tell apart, and free.

import { randomInt } from 'node:crypto';

const colours = [
  'amber',
  'azure',
  'black',
  'blue',
  'bronze',
  'copper',
  'coral',
  'crimson',
  'golden',
  'green',
  'grey',
  'indigo',
  'ivory',
  'jade',
  'olive',
  'orange',
  'pearl',
  'purple',
  'red',
  'ruby',
  'scarlet',
  'silver',
  'violet',
  'white',
];
const birds = [
  'crane',
  'crow',
  'curlew',
  'dove',
  'eagle',
  'falcon',
  'finch',
  'hawk',
  'heron',
  'ibis',
  'jay',
  'kite',
  'lark',
  'linnet',
  'magpie',
  'martin',
  'merlin',
  'osprey',
  'owl',
  'plover',
  'raven',
  'robin',
  'rook',
  'snipe',
  'sparrow',
  'starling',
  'stork',
  'swallow',
  'swan',
  'swift',
  'tern',
  'wren',
];

/** `random(n)`: a whole number below n. */
export function freeSegmentName(
  isFree: (name: string) => boolean,
  random: (below: number) => number = randomInt,
): string {
  const pick = (words: readonly string[]): string => words[random(words.length)] ?? '';
  for (let tries = 0; tries < 20; tries += 1) {
    const name = `${pick(colours)}-${pick(birds)}`;
    if (isFree(name)) return name;
  }
  const name = `${pick(colours)}-${pick(birds)}`;
  let number = 2;
  while (!isFree(`${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
