// A table of everything that a configuration file may say, from its JSON Schema.

interface SchemaNode {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly const?: string | number | boolean | null;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly additionalProperties?: SchemaNode | boolean;
}

/** `defaults` are for keys whose schema names none. */
export function configurationReference(
  schema: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>> = {},
): string {
  return ['| key | value | default | meaning |', '|---|---|---|---|', ...rowsOf(schema, '', defaults)].join(
    '\n',
  );
}

function rowsOf(
  node: SchemaNode,
  prefix: string,
  defaults: Readonly<Record<string, unknown>> = {},
): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const path = `${prefix}${name}`;
    const value = child.default ?? defaults[name];
    const fallback = value === undefined ? '' : `\`${JSON.stringify(value)}\``;
    const meaning = (child.description ?? '').replaceAll('<', '&lt;').replaceAll('|', '\\|');
    const row = `| \`${path}\` | ${valueText(child)} | ${fallback} | ${meaning} |`;
    const parts = [child, ...(child.anyOf ?? [])];
    return [
      row,
      ...parts.flatMap((part) => rowsOf(part, `${path}.`)),
      ...parts.flatMap((part) => (part.items ? rowsOf(part.items, `${path}[].`) : [])),
    ];
  });
}

function valueText(node: SchemaNode): string {
  if (node.anyOf) return node.anyOf.map(valueText).join(' or ');
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum) return node.enum.map((each) => `\`${String(each)}\``).join(', ');
  if (node.type === 'object') return node.properties ? 'section' : 'names with values';
  return node.type === 'array' ? 'list' : (node.type ?? 'any');
}
