import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCcmIdentity, checkNodeIdentity } from './certificate-names.ts';

test('LINK-1: a server is who its certificate names by URI, whatever its host name', () => {
  const certificate = { subjectaltname: 'DNS:web-2, URI:treecast:node:web-1' };
  assert.equal(checkNodeIdentity('web-1', certificate), undefined);
  assert.match(String(checkNodeIdentity('web-2', certificate)), /not that of node web-2/);
  assert.match(String(checkCcmIdentity('ccm', certificate)), /treecast:ccm/);
  const two = { subjectaltname: 'URI:treecast:node:web-1, URI:treecast:node:web-2' };
  assert.ok(checkNodeIdentity('web-1', two) instanceof Error, 'who has two names has none');
});
