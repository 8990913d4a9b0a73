// The text of an upstream include file: one `server` line for each entry, below a line with the digest of the rest. A file whose digest
// is not right was edited by somebody else.

import { digest, type FileServer } from '../server-file-driver.ts';

const headPattern = /^# Treecast owns this file; digest ([0-9a-f]{64})\n/;
const linePattern = /^server (\S+) weight=(\d{1,4})(?: [a-z_=A-Za-z0-9. ]*?)??( down)?;$/;

export function renderUpstream(servers: readonly FileServer[], parameters: string): string {
  const lines = servers.map(({ address, weight, out }) =>
    [
      `server ${address}`,
      `weight=${weight}`,
      ...(parameters === '' ? [] : [parameters]),
      ...(out ? ['down'] : []),
    ].join(' '),
  );
  const body = lines.map((line) => `${line};\n`).join('');
  return `# Treecast owns this file; digest ${digest(body)}\n${body}`;
}

export function parseUpstream(text: string): readonly FileServer[] | undefined {
  const head = headPattern.exec(text);
  if (head === null) return undefined;
  const body = text.slice(head[0].length);
  if (digest(body) !== head[1]) return undefined;
  const servers: FileServer[] = [];
  for (const line of body.split('\n').slice(0, -1)) {
    const found = linePattern.exec(line);
    if (found?.[1] === undefined) return undefined;
    servers.push({ address: found[1], weight: Number(found[2]), out: found[3] !== undefined });
  }
  return servers;
}
