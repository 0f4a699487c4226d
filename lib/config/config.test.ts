import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { AppError } from '../core/app-error.ts';
import { DEVELOPMENT_MARK } from '../core/seal.ts';
import { COMMON_VARIABLES, instanceVariable, SETTINGS_RELATIONS, SETTINGS_VARIABLES } from './common.ts';
import { flag, integer, optionalSecret, parseConfig, port, secret, variable, withFlags } from './config.ts';

const VARIABLES = {
  port: variable('PORT', port, { description: 'where', default: '8080' }),
  limitBytes: variable('LIMIT_BYTES', integer({ min: 1, max: 100 }), { description: 'how much' }),
  unsafe: variable('UNSAFE', flag, { description: 'whether', default: 'false' }),
  token: secret('TOKEN', { description: 'a token' }),
  other: optionalSecret('OTHER', { description: 'another token' }),
} as const;

test('all problems are reported together, and never the value of a secret', () => {
  assert.throws(
    () => parseConfig(VARIABLES, { PORT: '70000', LIMIT_BYTES: '1e3', UNSAFE: 'maybe', OTHER: '' }),
    (error: unknown) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, 'invalid_config');
      assert.match(error.message, /PORT: expected an integer from 0 to 65535, got "70000"/);
      assert.match(error.message, /LIMIT_BYTES: .* got "1e3"/);
      assert.match(error.message, /UNSAFE: expected true or false, got "maybe"/);
      assert.match(error.message, /TOKEN: expected a value \(a token\), got nothing/);
      assert.match(error.message, /OTHER: expected a value that is not empty, got a secret that does not fit/);
      return true;
    },
  );
});

test('values are typed, defaults hold, empty means not set, and the result is frozen and prints no secret', () => {
  const config = parseConfig(VARIABLES, { PORT: '', LIMIT_BYTES: '7', TOKEN: 'hunter2' });
  assert.deepEqual(
    [config.port, config.limitBytes, config.unsafe, config.token.reveal(), config.other],
    [8080, 7, false, 'hunter2', undefined],
  );
  assert.ok(Object.isFrozen(config));
  assert.doesNotMatch(inspect(config) + JSON.stringify(config), /hunter2/);
});

test('a secret may come from a file, but not from two places', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, 'from a file\n');
  assert.equal(parseConfig(VARIABLES, { LIMIT_BYTES: '7', TOKEN_FILE: file }).token.reveal(), 'from a file');
  assert.throws(() => parseConfig(VARIABLES, { LIMIT_BYTES: '7', TOKEN_FILE: file, TOKEN: 'x' }), /got both/);
  assert.throws(() => parseConfig(VARIABLES, { LIMIT_BYTES: '7', TOKEN_FILE: `${file}.none` }), /ENOENT/);
});

test('relations that make no sense are refused', () => {
  const relations = [
    { of: ['LIMIT_BYTES'] as const, expected: 'at least 10', holds: (config: { limitBytes: number }) => config.limitBytes >= 10 },
  ];
  assert.throws(
    () => parseConfig(VARIABLES, { LIMIT_BYTES: '7', TOKEN: 'x' }, { relations }),
    /LIMIT_BYTES: expected at least 10, got "7"/,
  );
});

test('the common variables have defaults that fit, and a flag stands for its variable', () => {
  const config = parseConfig({ ...COMMON_VARIABLES, ...instanceVariable('ingest') }, {});
  assert.equal(config.env, 'development');
  assert.equal(config.instance, 'ingest');
  assert.deepEqual(withFlags({ A: '1' }, ['--allow-it'], { '--allow-it': 'ALLOW_IT', '--other': 'OTHER' }), { A: '1', ALLOW_IT: 'true' });
});

test('the secrets that npm start has made are refused in production, those of a wrong form everywhere, and none is shown', () => {
  const key = Buffer.alloc(32, 7).toString('base64');
  const pepper = 'p'.repeat(32);
  const parse = (env: string, secretsKey: string, apiKeyPepper: string) =>
    parseConfig(
      { ...SETTINGS_VARIABLES, env: COMMON_VARIABLES.env },
      { VISAPI_ENV: env, VISAPI_SECRETS_KEY: secretsKey, API_KEY_PEPPER: apiKeyPepper },
      { relations: SETTINGS_RELATIONS },
    );
  assert.equal(parse('production', `${key},${key}`, pepper).secretsKey.reveal(), `${key},${key}`);
  parse('development', DEVELOPMENT_MARK + key, DEVELOPMENT_MARK + pepper);
  for (const [env, secretsKey, apiKeyPepper, expected] of [
    ['production', DEVELOPMENT_MARK + key, pepper, /VISAPI_SECRETS_KEY: expected one of its own where VISAPI_ENV is production/],
    ['production', `${key},${DEVELOPMENT_MARK}${key}`, pepper, /VISAPI_SECRETS_KEY: expected one of its own/],
    ['production', key, DEVELOPMENT_MARK + pepper, /API_KEY_PEPPER: expected one of its own/],
    ['development', 'hunter2hunter2', pepper, /VISAPI_SECRETS_KEY: secrets key 1: expected base64 of 32 bytes/],
    ['development', key, 'hunter2hunter2', /API_KEY_PEPPER: expected at least 32 characters/],
  ] as const)
    assert.throws(
      () => parse(env, secretsKey, apiKeyPepper),
      ({ message }: Error) => expected.test(message) && ![key, pepper, 'hunter2'].some((each) => message.includes(each)),
    );
  assert.throws(() => parseConfig(SETTINGS_VARIABLES, {}), /VISAPI_SECRETS_KEY: expected a value .*\n.*API_KEY_PEPPER: expected a value/s);
});
