// Builds for tests: two trees in memory, the plan between them, the build, and what an agent would make of the result.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  fixtureContentKey,
  fixtureFacts,
  fixtureSigningKey,
  understand,
} from '../assignment/container-fixture.ts';
import { decodePayload } from '../assignment/decode-payload.ts';
import { blobIdOf } from '../assignment/object-id.ts';
import type { ObjectId, TreeChange } from '../model/tree.ts';
import { type BuildInput, type BuiltAssignment, buildAssignments } from './build-assignments.ts';
import type { BuildPool } from './build-pool.ts';
import { createContentPolicy } from './content-policy.ts';
import { copySourcesOf } from './copy-sources.ts';
import { parentsOf } from './directory-changes.ts';
import { planCommands, planQuestions } from './plan-commands.ts';
import type { PlannedCommand } from './planned-command.ts';

export interface FixtureFile {
  readonly mode: string;
  readonly bytes: Buffer;
}
export type FixtureTree = ReadonlyMap<string, FixtureFile>;

export const fileTree = (files: Readonly<Record<string, Buffer | string>>): FixtureTree =>
  new Map(
    Object.entries(files).map(([path, content]) => [path, { mode: '100644', bytes: Buffer.from(content) }]),
  );

export type FixtureOptions = Partial<BuildInput> & {
  readonly pool: BuildPool;
  readonly outputDirectory: string;
  /** Come after the commands that make the tree. */
  readonly extra?: readonly PlannedCommand[];
};

export function buildBetween(
  base: FixtureTree,
  target: FixtureTree,
  { extra = [], ...options }: FixtureOptions,
): Promise<BuiltAssignment[]> {
  const blobs = new Map<ObjectId, Buffer>();
  const side = (file: FixtureFile | undefined) => {
    if (file === undefined) return undefined;
    const id = blobIdOf(file.bytes);
    blobs.set(id, file.bytes);
    return { mode: file.mode, id };
  };
  const changes = [...new Set([...base.keys(), ...target.keys()])].sort().flatMap((path): TreeChange[] => {
    const before = side(base.get(path));
    const after = side(target.get(path));
    if (before?.id === after?.id && before?.mode === after?.mode) return [];
    return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
  const questions = planQuestions(changes);
  const existing = (asked: readonly string[], tree: FixtureTree) => {
    const all = new Set([...tree.keys()].flatMap((path) => [...parentsOf(path)]));
    return new Set(asked.filter((path) => all.has(path)));
  };
  const blob = (id: ObjectId) => blobs.get(id) as Buffer;
  const plan = planCommands({
    changes,
    directories: {
      base: existing(questions.directories.base, base),
      target: existing(questions.directories.target, target),
    },
    sizes: new Map(questions.sizes.map((id) => [id, blob(id).length])),
    copySources: copySourcesOf(changes),
    mtimeOf: () => 1_763_900_000,
  });
  const { part: _, space: __, ...facts } = fixtureFacts;
  return buildAssignments({
    plan: [...plan, ...extra],
    facts,
    policy: createContentPolicy({ compression: [], encryption: [] }),
    contentKey: fixtureContentKey,
    signingKey: fixtureSigningKey,
    readBlob: async (id) => blob(id),
    async *streamBlob(id) {
      for (let at = 0; at < blob(id).length; at += 65_536) yield blob(id).subarray(at, at + 65_536);
    },
    ...options,
  });
}

/** The tree that executing the assignments on `base` gives; everything an agent checks is checked. */
export async function applyAssignments(
  built: readonly BuiltAssignment[],
  base: FixtureTree,
): Promise<FixtureTree> {
  const tree = new Map(base);
  for (const [i, assignment] of built.entries()) {
    await assignment.stored;
    const manifest = readFileSync(assignment.manifestPath);
    const data = readFileSync(assignment.dataPath);
    if (assignment.inline !== undefined) assert.deepEqual(assignment.inline, { manifest, data });
    assert.deepEqual([manifest.length, data.length], [assignment.manifestBytes, assignment.dataBytes]);
    const { header, commands, payloads } = understand(manifest, data);
    assert.equal(header.id, assignment.id);
    assert.deepEqual(header.part, { index: i + 1, of: built.length });
    for (const [number, command] of commands.entries()) {
      const baseBytes = 'from' in command ? (base.get(command.from) as FixtureFile).bytes : undefined;
      switch (command.do) {
        case 'write':
        case 'patch': {
          if (command.do === 'patch') assert.equal(blobIdOf(baseBytes as Buffer), command.base);
          const options = { size: command.size, ...(baseBytes === undefined ? {} : { base: baseBytes }) };
          const bytes = decodePayload(command.data.codec, payloads.get(number) as Buffer, options);
          assert.equal(blobIdOf(bytes), command.blob);
          assert.ok(command.data.length <= bytes.length, 'never larger than the file');
          tree.set(command.path, { mode: command.mode, bytes: Buffer.from(bytes) });
          break;
        }
        case 'copy':
          assert.equal(blobIdOf(baseBytes as Buffer), command.blob);
          tree.set(command.path, { mode: command.mode, bytes: baseBytes as Buffer });
          break;
        case 'symlink':
          tree.set(command.path, { mode: '120000', bytes: Buffer.from(command.target) });
          break;
        case 'mode':
          tree.set(command.path, {
            mode: command.mode,
            bytes: (tree.get(command.path) as FixtureFile).bytes,
          });
          break;
        case 'remove':
          tree.delete(command.path);
          break;
        case 'mkdir':
        case 'rmdir':
          break;
        case 'plugin':
          break;
        case 'verify':
          assert.fail(`the builder makes no ${command.do} commands`);
      }
    }
  }
  return tree;
}
