// Turns node:test's events into a line per test file, the whole story of each failure, and totals.
// A file of which node:test reports no test (it crashed, hung, or holds none) is a failure, never a pass.

import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { notRunPrefix } from '../../src/plugins/testing/test-needing.ts';
import type { TestTotals } from './test-totals.ts';

interface FileStory {
  tests: number;
  output: string;
  readonly failures: string[];
  /** Tests under way, by id. */
  readonly running: Map<number, string>;
  /** How the file's process ended; node:test may tell it before or after it tells the tests. */
  end: { readonly seconds: number; readonly error: unknown } | undefined;
  summed: boolean;
  closed: boolean;
}

export interface TestReport {
  add(event: TestEvent): void;
  /** After the last event. */
  totals(): TestTotals;
}

export function createTestReport(print: (line: string) => void): TestReport {
  const startedAt = performance.now();
  const stories = new Map<string, FileStory>();
  const sum = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const notRun: string[] = [];

  const storyOf = (file: string): FileStory => {
    const known = stories.get(file);
    if (known) return known;
    const story: FileStory = {
      tests: 0,
      output: '',
      failures: [],
      running: new Map(),
      end: undefined,
      summed: false,
      closed: false,
    };
    stories.set(file, story);
    return story;
  };

  const closeFile = (file: string, story: FileStory): void => {
    if (story.closed) return;
    story.closed = true;
    const leftOut = [...story.output.matchAll(notRunLine)].map((match) => match[1] as string);
    notRun.push(...leftOut);
    const failFile = (why: string): void => {
      sum.tests += 1;
      sum.failed += 1;
      story.failures.push(why);
    };
    const error = story.end?.error;
    if (story.end === undefined) failFile('it never ended');
    else if (failureTypeOf(error) === 'testAborted')
      failFile(`it hangs, and was ended in: ${[...story.running.values()].join(' › ')}`);
    else if (error !== undefined && failureTypeOf(error) !== 'subtestsFailed')
      failFile(describe('the file itself', error));
    else if (story.tests === 0 && leftOut.length === 0) failFile('it holds no test');
    const name = relative(process.cwd(), file);
    const mark = story.failures.length > 0 ? '✖' : story.tests > 0 ? '✔' : '–';
    print(`${mark} ${name}: ${story.tests} tests (${(story.end?.seconds ?? 0).toFixed(1)} s)`);
    if (story.failures.length === 0) return;
    for (const failure of story.failures) print(indent(failure));
    if (story.output.trim() !== '') print(indent(`output of ${name}:\n${story.output.trimEnd()}`));
  };

  return {
    add(event) {
      switch (event.type) {
        case 'test:stdout':
        case 'test:stderr':
          storyOf(fileOf(event.data) ?? '').output += event.data.message;
          break;
        case 'test:pass':
        case 'test:fail': {
          const { name, nesting, line, details } = event.data;
          const file = fileOf(event.data);
          if (file === undefined) break;
          const story = storyOf(file);
          // Only a file of which no test was reported is told of in its own name.
          if (nesting === 0 && name === file) closeFile(file, story);
          else if ('error' in details && failureTypeOf(details.error) !== 'subtestsFailed')
            story.failures.push(
              describe(
                `${name} (${relative(process.cwd(), event.data.file ?? file)}:${line})`,
                details.error,
              ),
            );
          break;
        }
        case 'test:dequeue': {
          const file = fileOf(event.data);
          const { name, testId } = event.data;
          if (file !== undefined && name !== file) storyOf(file).running.set(testId, name);
          break;
        }
        case 'test:complete': {
          const file = fileOf(event.data);
          const { name, nesting, testId, details } = event.data;
          if (file === undefined) break;
          const story = storyOf(file);
          if (name !== file) story.running.delete(testId);
          if (nesting !== 0 || name !== file) break;
          story.end = { seconds: details.duration_ms / 1000, error: details.error };
          if (story.summed) closeFile(file, story);
          break;
        }
        case 'test:summary': {
          const { counts } = event.data;
          const file = fileOf(event.data);
          if (file === undefined) break;
          const story = storyOf(file);
          story.tests = counts.tests;
          story.summed = true;
          sum.tests += counts.tests;
          sum.suites += counts.suites;
          sum.passed += counts.passed;
          sum.cancelled += counts.cancelled;
          sum.skipped += counts.skipped;
          sum.todo += counts.todo;
          sum.failed += counts.tests - counts.passed - counts.cancelled - counts.skipped - counts.todo;
          if (story.end) closeFile(file, story);
          break;
        }
        default:
          break;
      }
    },
    totals() {
      for (const [file, story] of stories) closeFile(file, story);
      return { ...sum, notRun, durationMs: performance.now() - startedAt };
    },
  };
}

/** The test file; `file` alone is where the test was registered, which may be a module that the test file called. */
function fileOf(data: { readonly file?: string | undefined }): string | undefined {
  return 'entryFile' in data && typeof data.entryFile === 'string' ? data.entryFile : data.file;
}

const notRunLine = new RegExp(`^${notRunPrefix}(.*)$`, 'gm');

function failureTypeOf(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined;
}

function describe(what: string, error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return `✖ ${what}\n${indent(textOf(cause))}`;
}

/** An assertion's message already holds the difference; its other properties would only repeat it. */
function textOf(cause: unknown): string {
  if (typeof cause === 'string') return cause;
  if (cause instanceof Error && 'generatedMessage' in cause && cause.stack !== undefined) return cause.stack;
  return inspect(cause, { depth: 6 });
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
