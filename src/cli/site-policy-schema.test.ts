// Policies of a site as a YAML file says them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rightPolicies, wrongPolicies } from '../model/testing/site-policy-samples.ts';
import { sitePolicySchema } from './site-policy-schema.ts';

const edges = [['a policy file', sitePolicySchema]] as const;

for (const [edge, schema] of edges) {
  test(`R9.2 R2.5 ${edge} takes drain and commands as they are`, () => {
    for (const written of rightPolicies) assert.deepEqual(schema.parse(written), written);
  });

  test(`R9.2 R2.5 ${edge} refuses what no job and no assignment could carry`, () => {
    for (const [written, problem] of wrongPolicies) {
      const parsed = schema.safeParse(written);
      assert.equal(parsed.success, false, JSON.stringify(written));
      assert.match(JSON.stringify(parsed.error?.issues), problem);
    }
  });
}
