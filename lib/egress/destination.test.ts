import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeDestination, parseAllowedOrigin, PUBLIC_HTTPS } from './destination.ts';

test('a public https URL is open, and its root dot, letter case and default port do not matter', () => {
  for (const url of ['https://hooks.slack.com/services/T/B/x?y=1#z', 'HTTPS://HOOKS.Slack.com.:443/services/T/B/x?y=1'])
    assert.deepEqual(judgeDestination(url, PUBLIC_HTTPS), {
      kind: 'open',
      origin: 'https://hooks.slack.com',
      path: '/services/T/B/x?y=1',
      isAllowed: false,
    });
});

test('a named origin opens its scheme, host and port, and no other', () => {
  const rules = { allow: [parseAllowedOrigin('http://127.0.0.1:27090/')], ports: [443] };
  assert.equal(judgeDestination('http://127.0.0.1:27090/api', rules).kind, 'open');
  for (const url of [
    'http://127.0.0.1:27091/',
    'https://127.0.0.1:27090/',
    'http://127.0.0.2:27090/',
    'http://127.0.0.1/',
    'http://u@127.0.0.1:27090/',
  ])
    assert.equal(judgeDestination(url, rules).kind, 'refused', url);
});

test('what is not an origin cannot be allowed', () => {
  for (const text of ['', '*', '127.0.0.1:27090', 'http://a/b', 'file:///etc', 'http://u@a', 'http://a?b'])
    assert.throws(() => parseAllowedOrigin(text), TypeError, text);
});
