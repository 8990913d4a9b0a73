// The kinds of configuration files there are, each with its schema: for `config check`, `config schema` and the published JSON Schemas.

import { z } from 'zod';
import { agentConfigurationSchema } from '../agent/configuration/agent-configuration.ts';
import { ccmConfigurationSchema } from './ccm-configuration.ts';
import { sitePolicySchema } from './site-policy-schema.ts';

export interface ConfigurationKind {
  /** The file's usual name; `config check` tells kinds apart by it. */
  readonly fileName: string;
  readonly title: string;
  readonly schema: z.ZodType;
}

export const configurationKinds = {
  ccm: {
    fileName: 'ccm.yaml',
    title: 'Treecast: configuration of the CCM',
    schema: ccmConfigurationSchema,
  },
  agent: {
    fileName: 'agent.yaml',
    title: 'Treecast: configuration of an agent',
    schema: agentConfigurationSchema,
  },
  policy: {
    fileName: 'policy.yaml',
    title: 'Treecast: policies of a site',
    schema: sitePolicySchema,
  },
} as const satisfies Record<string, ConfigurationKind>;

export type ConfigurationKindName = keyof typeof configurationKinds;

export const configurationKindNames = Object.keys(configurationKinds) as ConfigurationKindName[];

export function jsonSchemaOf(kind: ConfigurationKindName): Record<string, unknown> {
  const { schema, title } = configurationKinds[kind];
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return { $schema, title, ...rest };
}
