// Templates of URLs, headers, bodies and arguments: `{node}` and its like are replaced, nothing else has a meaning. An unknown word in
// braces is refused when the configuration is read, not when a node has to be drained.

import { z } from 'treecast/plugin';

export const templateWords = ['node', 'server', 'action', 'weight', 'percent'] as const;
export type TemplateValues = Readonly<Record<(typeof templateWords)[number], string>>;

const wordPattern = /\{([a-z]+)\}/g;

export function template(charactersMax: number) {
  return z
    .string()
    .max(charactersMax)
    .superRefine((text, context) => {
      for (const [whole, word] of text.matchAll(wordPattern))
        if (!templateWords.some((known) => known === word))
          context.addIssue({
            code: 'custom',
            message: `${whole} is not known: {${templateWords.join('}, {')}}`,
          });
    });
}

export function fillTemplate(
  text: string,
  values: TemplateValues,
  encode: (value: string) => string = (value) => value,
): string {
  return text.replace(wordPattern, (whole, word: string) =>
    Object.hasOwn(values, word) ? encode(values[word as keyof TemplateValues]) : whole,
  );
}
