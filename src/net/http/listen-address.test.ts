import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseListenAddress, urlAuthority } from './listen-address.ts';

test('host:port of IPv4, IPv6 and names', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  assert.deepEqual(parseListenAddress('[::1]:8080'), { host: '::1', port: 8080 });
  assert.deepEqual(parseListenAddress('web-1.example:80'), { host: 'web-1.example', port: 80 });
  assert.equal(urlAuthority({ host: '::1', port: 1 }), '[::1]:1');
  assert.equal(urlAuthority({ host: 'a', port: 1 }), 'a:1');
});

test('anything else is refused', () => {
  for (const text of [
    '',
    '80',
    ':80',
    'a',
    'a:',
    'a:65536',
    'a:-1',
    '::1:80',
    'a b:80',
    'http://a:80',
    'a:80/',
  ]) {
    assert.equal(parseListenAddress(text), undefined, text);
  }
});
