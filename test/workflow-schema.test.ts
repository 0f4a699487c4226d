import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { projectRoot } from '../lib/dev/local-home.ts';

const SCHEMA = JSON.parse(readFileSync(join(projectRoot, 'docs/workflow.schema.json'), 'utf8')) as object;

test('the published schema takes the examples, and every kind of step', () => {
  const validate = new Ajv2020({ strict: true }).compile(SCHEMA);
  const examples = globSync('examples/*.yaml', { cwd: projectRoot }).filter((path) => !path.endsWith('.test.yaml'));
  assert.ok(examples.length > 0);
  for (const path of examples)
    assert.ok(validate(parse(readFileSync(join(projectRoot, path), 'utf8'))), `${path}: ${JSON.stringify(validate.errors)}`);
  const send = { id: 'tell', uses: 'slack.send', with: { channel: '#a', text: 'x' }, if: 'true', 'on-unknown': 'hold' };
  const inner = { id: 'inner', uses: 'branch', branches: [{ if: 'true', steps: [{ id: 'pause', uses: 'delay', with: { for: '1m' } }] }] };
  const steps = [send, { id: 'emit', uses: 'emit', with: { type: 't', data: { a: 1 } } }, { ...inner, id: 'outer', else: [inner] }];
  assert.ok(validate({ name: 'w', on: { event: ['a', 'b'] }, steps }), JSON.stringify(validate.errors));
});

test('the published schema refuses a mistake in the form, also inside a branch', () => {
  const validate = new Ajv2020({ strict: true }).compile(SCHEMA);
  const wrong = { id: 'tell', uses: 'slack.sned', with: {} };
  const inside = { id: 'outer', uses: 'branch', branches: [{ if: 'true', steps: [wrong] }] };
  for (const steps of [[], [wrong], [inside], [{ ...inside, with: {} }]]) assert.ok(!validate({ name: 'w', on: { event: 'a' }, steps }));
});
