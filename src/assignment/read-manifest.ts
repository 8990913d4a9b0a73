// Reads a manifest, verified whole before anything in it is believed: sizes, hash, signature, id, profile, header; then each
// command as it is asked for. Nothing is decompressed before the signature is good.

import { type AssignmentHeader, type Command, commandSetProfiles } from '../model/assignment.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { bodyLines } from './body-text.ts';
import { canonicalJson } from './canonical-json.ts';
import { createCommandChecks } from './command-checks.ts';
import { parseCommand } from './command-schema.ts';
import { parseHeader } from './header-schema.ts';
import { malformed } from './malformed.ts';
import { assignmentId } from './manifest-encoder.ts';
import { splitManifest, unknownFormat } from './manifest-frame.ts';

export interface ReadManifestOptions {
  /** Ed25519 over `bytes` with a trusted release key (`verifyBytes` of signed.ts does it). */
  readonly verifySignature: (bytes: Uint8Array, signature: Uint8Array) => boolean;
  /** Command-set profiles understood here; all that this build knows when absent. */
  readonly profiles?: readonly string[];
}

export interface Manifest {
  readonly header: AssignmentHeader;
  /** The manifest as it came. */
  readonly bytes: Uint8Array;
  /**
   * The commands in order, decoded and checked as they are asked for; may be called again. One complete pass proves the whole body:
   * throws ASSIGNMENT_MALFORMED or ASSIGNMENT_TOO_LARGE at the first command that breaks a rule, at the latest at the end when the
   * counts differ from the header's. Passes after that only decode.
   */
  commands(): Generator<Command, void, undefined>;
}

/**
 * Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_TOO_LARGE, ASSIGNMENT_SIGNATURE_INVALID, ASSIGNMENT_PROFILE_UNKNOWN, PROTOCOL_VERSION.
 * Keeps a view of `bytes`: the caller must not change them.
 */
export function readManifest(bytes: Uint8Array, options: ReadManifestOptions): Manifest {
  const frame = splitManifest(bytes);
  if (!options.verifySignature(frame.signed, frame.signature)) {
    throw new TreecastError('ASSIGNMENT_SIGNATURE_INVALID', 'no trusted release key signed this assignment', {
      fix: 'If the release keys of the CCM were changed, reconnect the agent; else somebody tampered with the assignment.',
    });
  }
  return interpretManifest(bytes, frame.header, frame.body, options.profiles ?? commandSetProfiles);
}

/** As {@link readManifest} without the signature: for showing an assignment, never for executing it. */
export function readUnverifiedManifest(bytes: Uint8Array): Manifest {
  const frame = splitManifest(bytes);
  return interpretManifest(bytes, frame.header, frame.body, commandSetProfiles);
}

function interpretManifest(
  bytes: Uint8Array,
  headerBytes: Buffer,
  body: Buffer,
  profiles: readonly string[],
): Manifest {
  const value = parseJson(headerBytes);
  refuseUnknown(value, profiles);
  const header = parseHeader(value);
  if (!Buffer.from(canonicalJson(header)).equals(headerBytes))
    throw malformed('the header is not canonical JSON');
  const { id, ...withoutId } = header;
  if (assignmentId(withoutId, body) !== id) throw malformed('the id is not that of header and body');
  let isProven = false;
  return {
    header,
    bytes,
    *commands() {
      if (isProven) {
        for (const line of bodyLines(body)) yield parseJson(line) as Command;
        return;
      }
      const checks = createCommandChecks(header);
      let index = 0;
      for (const line of bodyLines(body)) {
        const command = parseCommand(parseJson(line), header, index++);
        checks.add(command);
        yield command;
      }
      checks.end();
      isProven = true;
    },
  };
}

function refuseUnknown(value: unknown, profiles: readonly string[]): void {
  if (typeof value !== 'object' || value === null) throw malformed('the header is not an object');
  const { format, profile } = value as { format?: unknown; profile?: unknown };
  if (Number.isInteger(format) && format !== 1) throw unknownFormat(format);
  if (typeof profile === 'string' && !profiles.includes(profile)) {
    throw new TreecastError(
      'ASSIGNMENT_PROFILE_UNKNOWN',
      `the command set ${JSON.stringify(profile.slice(0, 64))} is not understood here`,
      {
        fix: `Understood are: ${profiles.join(', ')}. Update the agent, or give its site to nodes of another kind.`,
      },
    );
  }
}

function parseJson(text: string | Buffer): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : text.toString('utf8')) as unknown;
  } catch (cause) {
    throw malformed('it holds text that is not JSON', { cause });
  }
}
