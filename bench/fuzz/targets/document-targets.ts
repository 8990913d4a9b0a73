// What is read from disks, repositories and pushes: journals, configuration files, Git's packets and tree objects.

import { parseJournal } from '../../../src/agent/store/journal.ts';
import { decodeTree, encodeTree } from '../../../src/assignment/object-id.ts';
import { configurationKinds } from '../../../src/cli/configuration-kinds.ts';
import { packet } from '../../../src/git-source/endpoint/pkt-line.ts';
import { createPushRequestReader } from '../../../src/git-source/endpoint/push-request.ts';
import { checkPath } from '../../../src/git-source/guards/path-guard.ts';
import { renderViolations } from '../../../src/git-source/guards/render-violations.ts';
import { parseTreeObject } from '../../../src/git-source/tree-object.ts';
import { walkTreeDiff } from '../../../src/git-source/tree-walk.ts';
import { emptyTreeId } from '../../../src/model/tree.ts';
import { parseYaml } from '../../../src/net/yaml-file.ts';
import { type FuzzTarget, promised } from '../fuzz-target.ts';
import { journal, yamlDocuments } from '../message-seeds.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson, spellJson } from '../mutate-json.ts';

const journalText = Buffer.from(JSON.stringify(journal));

const journalTarget: FuzzTarget = {
  name: 'journal',
  make: (random) =>
    random.once(4)
      ? mutateBytes(journalText, random, [journalText])
      : Buffer.from(spellJson(mutateJson(journal, random), random)),
  run(input) {
    const { slots, live } = parseJournal(input.toString('utf8'), 'sample');
    promised(
      slots.every(({ directory }) => !directory.includes('/')),
      'a slot outside of trees',
    );
    promised(live === null || slots.some(({ slot }) => slot === live), 'live is no slot');
    return 'valid';
  },
};

const documents = yamlDocuments.map((text) => Buffer.from(text));
const kinds = Object.values(configurationKinds);

const yamlTarget: FuzzTarget = {
  name: 'yaml',
  make: (random) => mutateBytes(random.pick(documents), random, documents).subarray(0, 16_384),
  run(input, random) {
    parseYaml(input.toString('utf8'), random.pick(kinds).schema, 'fuzzed.yaml');
    return 'valid';
  },
};

const [zero, one] = ['0'.repeat(40), 'd8329fc1cc938780ffdd9f94e0d364e0ea74f579'];
const heads = [
  [
    packet(
      `${zero} ${one} refs/heads/main\0 report-status side-band-64k push-options object-format=sha1 agent=git/2.39`,
    ),
    packet(`${one} ${zero} refs/heads/old`),
    '0000',
    packet('allow-delete'),
    packet('nowait'),
    '0000',
    'PACK',
  ],
  [packet(`shallow ${one}`), packet(`${zero} ${one} refs/tags/v1\0report-status`), '0000', 'PACK'],
  ['0000'],
  [packet(`push-cert\0report-status`), '0001', '0002', packet('x'.repeat(60_000))],
].map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part as string))));

const pushTarget: FuzzTarget = {
  name: 'push-request',
  otherRefusals: ['PacketError'],
  make: (random) => mutateBytes(random.pick(heads), random, heads),
  run(input, random) {
    const reader = createPushRequestReader();
    for (let at = 0; at < input.length; ) {
      const end = at + 1 + random.below(random.once(2) ? 8 : input.length);
      reader.read(input.subarray(at, end));
      at = end;
    }
    const request = reader.request();
    if (!request) return 'not whole';
    promised(request.options.length <= 64, 'more options than are let through');
    return 'valid';
  },
};

const entry = (mode: string, name: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`${mode} `),
    Buffer.from(name as string),
    Buffer.from('\0'),
    Buffer.alloc(20, 7),
  ]);
const treeObjects = [
  [entry('100644', 'a'), entry('40000', 'd'), entry('120000', 'link'), entry('100755', 'run')],
  [entry('100644', '.git'), entry('100644', '..'), entry('100644', '.g\u200cit'), entry('100644', 'git~1')],
  [
    entry('100664', 'x'),
    entry('160000', 'sub'),
    entry('40000', Buffer.from([0x66, 0xff])),
    entry('100644', 'new\nline\u001b[31m'),
  ],
  [entry('100644', 'n'.repeat(255)), entry('100644', 'é'), entry('100644', 'e\u0301'), entry('40000', 'A')],
].map((parts) => Buffer.concat(parts));

const treeTarget: FuzzTarget = {
  name: 'tree-object',
  make: (random) => mutateBytes(random.pick(treeObjects), random, treeObjects),
  async run(input) {
    const entries = parseTreeObject(input, 20);
    for (const { name } of entries) promised(name !== '' && !name.includes('/'), 'a name that is none');
    const id = '1'.repeat(40);
    // Only the root is there; directories in it are empty.
    const changes = await walkTreeDiff(
      (asked) => Promise.resolve(asked === id ? entries : []),
      emptyTreeId(),
      id,
    );
    const violations = changes.flatMap(({ path }) => checkPath(path) ?? []);
    const lines = renderViolations(violations);
    promised(
      lines.every((line) => !/\p{Cc}/u.test(line)),
      'a control character reaches the terminal',
    );
    encodeTree(decodeTree(input));
    return 'valid';
  },
};

export const documentTargets: readonly FuzzTarget[] = [journalTarget, yamlTarget, pushTarget, treeTarget];
