// ccm.yaml: where the CCM listens, how others reach it, its limits and its log.

import { z } from 'zod';
import { parseListenAddress } from '../net/http/listen-address.ts';
import { logSchema } from './service-logger.ts';

const listen = z
  .string()
  .refine((text) => parseListenAddress(text) !== undefined, 'Is not HOST:PORT, such as 127.0.0.1:7070');

export const origin = z
  .url({ protocol: /^https?$/, message: 'Is not an http(s) URL' })
  .refine((text) => URL.canParse(text) && new URL(text).origin === text, {
    message: 'Is not an origin: no path and no slash at the end, such as https://ccm.example.org',
  });

export const ccmConfigurationSchema = z.strictObject({
  listen: listen
    .default('127.0.0.1:7070')
    .describe(
      'The public port (Git, API), host:port; port 0 lets the system choose. Plain HTTP: put a TLS proxy before it when it leaves this machine.',
    ),
  agentListen: listen
    .default('0.0.0.0:7443')
    .describe("The agents' port, host:port: mutual TLS under the CCM's own CA."),
  publicUrl: origin
    .optional()
    .describe('How authors and operators reach the public port (default: the address it listens on).'),
  agentUrl: origin
    .optional()
    .describe(
      "How agents reach the agents' port; written into join tokens (default: the address it listens on).",
    ),
  log: logSchema.prefault({}).describe('The log, on standard error.'),
});

export type CcmConfiguration = z.output<typeof ccmConfigurationSchema>;
