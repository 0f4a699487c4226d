import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AppError } from '../../lib/core/app-error.ts';
import { demoSlackChannels } from '../../lib/sink/workspace.ts';
import { readNotifierConfig } from './config.ts';

function channelsFile(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-notifier-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'channels.json');
  writeFileSync(file, text);
  return file;
}

const DATABASE_URL = 'postgres://visapi_notifier:canary@127.0.0.1/visapi';

test("the database and the channels' file are all that has to be set, and the demo's fits", (t) => {
  const config = readNotifierConfig(
    { DATABASE_URL, SLACK_CHANNELS_FILE: channelsFile(t, demoSlackChannels('http://127.0.0.1:27090')) },
    [],
  );
  assert.equal(config.opsPort, 27_083);
  assert.equal(config.instance, 'notifier');
  assert.equal(config.slackApiUrl, 'https://slack.com/api');
  assert.deepEqual([config.slackAttempts, config.slackRetryBaseMs], [20, 1_000]);
  assert.deepEqual(config.egressAllow, []);
  assert.equal(config.slackChannels.find('#releases')?.kind, 'incoming-webhook');
  assert.equal(config.slackChannels.find('#alerts')?.kind, 'bot');
  assert.doesNotMatch(JSON.stringify(config), /localpeer|xoxb|canary/);
});

test('all problems are reported together, and no credential', (t) => {
  const environment = {
    SLACK_CHANNELS_FILE: channelsFile(t, '{"#a":{"kind":"bot","token":"canary canary","channelId":"C"}}'),
    EGRESS_ALLOW: 'http://127.0.0.1:1, everything',
    SLACK_API_URL: 'ftp://x',
    NOTIFIER_OPS_PORT: 'x',
  };
  assert.throws(
    () => readNotifierConfig(environment, []),
    (error: unknown) => {
      assert.ok(error instanceof AppError && error.code === 'invalid_config');
      for (const name of Object.keys(environment)) assert.match(error.message, new RegExp(name));
      assert.match(error.message, /#a\.token/);
      assert.match(error.message, /everything/);
      assert.doesNotMatch(error.message, /canary/);
      return true;
    },
  );
  assert.throws(() => readNotifierConfig({}, []), /SLACK_CHANNELS_FILE: expected a value/);
  assert.throws(() => readNotifierConfig({ SLACK_CHANNELS_FILE: '/nowhere' }, []), /SLACK_CHANNELS_FILE: .*ENOENT/);
});

test('production refuses a local peer', (t) => {
  const file = channelsFile(t, demoSlackChannels('http://127.0.0.1:27090'));
  const environment = {
    VISAPI_ENV: 'production',
    DATABASE_URL,
    SLACK_CHANNELS_FILE: file,
    EGRESS_ALLOW: 'http://127.0.0.1:27090',
    SLACK_API_URL: 'http://127.0.0.1:27090/api',
  };
  assert.throws(
    () => readNotifierConfig(environment, ['--allow-unsafe-broker']),
    /ALLOW_UNSAFE_BROKER[\s\S]*EGRESS_ALLOW[\s\S]*SLACK_API_URL/,
  );
});
