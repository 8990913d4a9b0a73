// What `verify` says: the JSON that scripts rely on, and lines that name node and path of every difference.

import type { VerifyResult } from '../model/api.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { countText, nothing } from './text.ts';

type NodeResult = VerifyResult['nodes'][number];

/** `{site, commit, tree, nodes: [{name, tree, ok}]}`; a node that is not ok also has `drift` and, when it failed, `error`. */
export function verifyJson({ site, commit, tree, nodes }: VerifyResult): unknown {
  return {
    site,
    commit,
    tree,
    nodes: nodes.map((node) => ({
      name: node.name,
      tree: node.tree,
      ok: node.ok,
      ...(node.ok ? {} : { drift: node.drift }),
      ...(node.error === null ? {} : { error: node.error }),
    })),
  };
}

export function verifyLines(result: VerifyResult, style: Style): string[] {
  const agreeing = result.nodes.filter(({ ok }) => ok).length;
  const lines = [`site ${result.site}  commit ${result.commit ?? nothing}  tree ${result.tree ?? nothing}`];
  for (const node of result.nodes) {
    lines.push(`${verdict(node, style)} ${node.name}  tree ${node.tree ?? nothing}`);
    if (node.error !== null)
      lines.push(`  ${node.name}: ${printable(node.error.message)} [${node.error.code}]`);
    for (const { path, problem } of node.drift) lines.push(`  ${node.name}: ${problem}  ${printable(path)}`);
  }
  if (result.nodes.length === 0) {
    lines.push(style.bad('No node receives this site: nothing is proven.'));
  } else if (result.tree === null) {
    lines.push('Nothing is published yet: push to the site first.');
  } else if (agreeing === result.nodes.length) {
    lines.push(style.good(`All ${countText(agreeing, 'node')} agree.`));
  } else {
    lines.push(style.bad(`${agreeing} of ${countText(result.nodes.length, 'node')} agree.`));
  }
  if (result.tree !== null && result.nodes.some(differs)) lines.push(`fix: ${repair}`);
  return lines;
}

const repair =
  'nodes put files right by themselves where the policy `drift` of the site says repair (`treecast status` tells what is left); otherwise see docs/errors.md, CONTENT_DRIFT.';

function isAway(node: NodeResult): boolean {
  return node.error?.code === 'NODE_LOST';
}

function differs(node: NodeResult): boolean {
  return !node.ok && !isAway(node);
}

function verdict(node: NodeResult, style: Style): string {
  if (isAway(node)) return style.bad('AWAY   ');
  return node.ok ? style.good('ok     ') : style.bad('DIFFERS');
}
