// Policies of a site as the API takes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rightPolicies, wrongPolicies } from '../../model/testing/site-policy-samples.ts';
import { policy, policyChange } from './request-schemas.ts';

const edges = [
  ['a new site', policy],
  ['a change', policyChange],
] as const;

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
