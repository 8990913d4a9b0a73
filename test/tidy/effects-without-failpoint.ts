// Finds durable effects that no failpoint follows. What an effect is, is judged by the name of its call, line by line.

const effect =
  /\bjournal\.save\(|\)\.commit\(\)|(?<![.\w])(?:rename|writeFileAtomic)\((?!.*: )|\bdisk\.(?:rename|sync|syncData)\(|\bdatabase\.(?:transaction|writeBatch)\(|exec\('COMMIT'\)/;
/** Lines after the effect in which its failpoint is looked for. */
const near = 8;

/** 1-based lines. */
export function effectsWithoutFailpoint(text: string): number[] {
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    if (!effect.test(line) || /^\s*(?:\/\/|\*|async function|export )/.test(line)) return [];
    const followed = lines.slice(index, index + near).some((next) => /failpoint\(|\bpassed\(/.test(next));
    return followed ? [] : [index + 1];
  });
}
