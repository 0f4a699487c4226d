import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { parseSlackChannels } from './channels.ts';

const FILE = JSON.stringify({
  '#releases': { kind: 'incoming-webhook', url: 'https://hooks.slack.com/services/T0/B0/canary-1' },
  '#alerts': { kind: 'bot', token: 'xoxb-canary-2', channelId: 'C0ALERTS' },
});

test("a channel is found by its name, and a bot's also by its id", () => {
  const channels = parseSlackChannels(FILE);
  assert.equal(channels.size, 2);
  assert.equal(channels.find('#releases')?.kind, 'incoming-webhook');
  assert.equal(channels.find('C0ALERTS'), channels.find('#alerts'));
  for (const name of ['releases', '#nowhere', 'constructor', '__proto__']) assert.equal(channels.find(name), undefined);
});

test('credentials are not printed', () => {
  const channels = parseSlackChannels(FILE);
  const printed = [channels.find('#releases'), channels.find('#alerts')]
    .map((channel) => inspect(channel) + JSON.stringify(channel))
    .join('');
  assert.doesNotMatch(printed, /canary/);
});

test('mistakes are named all together, and no value is repeated', () => {
  const file = {
    '#a': { kind: 'incoming-webhook', url: 'canary' },
    '#b': { kind: 'bot', token: 'canary with space', channelId: '' },
    '#c': { kind: 'pigeon' },
    '#d': { kind: 'bot', token: 'x', channelId: 'C', extra: 'canary' },
  };
  assert.throws(
    () => parseSlackChannels(JSON.stringify(file)),
    (error: Error) => {
      for (const place of ['#a.url', '#b.token', '#b.channelId', '#c.kind', '#d'])
        assert.match(error.message, new RegExp(place.replace('.', '\\.')));
      assert.doesNotMatch(error.message, /canary/);
      return true;
    },
  );
  for (const text of ['', '{"#a": canary', '[]', 'null'])
    assert.throws(
      () => parseSlackChannels(text),
      (error: Error) => error instanceof TypeError && !/canary/.test(error.message),
      text,
    );
});
