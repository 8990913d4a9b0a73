// Reads the CSV of HAProxy's `show stat`: rows as maps from column name to text. Columns differ between versions, so they are found by
// name; a text that is no such table is refused.

import { PluginError } from 'treecast/plugin';

export type StatRow = ReadonlyMap<string, string>;

export function parseStatCsv(text: string): readonly StatRow[] {
  const [head, ...rows] = records(text).filter((record) => !(record.length === 1 && record[0] === ''));
  if (head?.[0] === undefined || !head[0].startsWith('# ')) throw notStat(text);
  const columns = [head[0].slice(2), ...head.slice(1)];
  for (const needed of ['pxname', 'svname', 'scur', 'qcur', 'status'])
    if (!columns.includes(needed)) throw notStat(text);
  return rows.map((record) => {
    // A line ends with a comma in HAProxy, so there may be an empty column more or less.
    if (Math.abs(record.length - columns.length) > 1) throw notStat(text);
    return new Map(
      columns.flatMap((column, index) => (column === '' ? [] : [[column, record[index] ?? '']])),
    );
  });
}

function records(text: string): string[][] {
  const found: string[][] = [];
  let record: string[] = [];
  let field = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else quoted = false;
    } else if (letter === '"' && field === '') quoted = true;
    else if (letter === ',') {
      record.push(field);
      field = '';
    } else if (letter === '\n') {
      found.push([...record, field]);
      record = [];
      field = '';
    } else field += letter;
  }
  if (record.length > 0 || field !== '') found.push([...record, field]);
  return found;
}

function notStat(text: string): PluginError {
  return new PluginError(`answered no statistics: ${JSON.stringify(text.slice(0, 80))}`, {
    fix: 'Let `sockets` name the stats socket of an HAProxy 2.4 or later.',
  });
}
