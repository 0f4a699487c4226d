import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepAt } from './step-at.ts';

test('a step is found by its path, also inside branches', () => {
  const step = (id: string, more: object = {}): object => ({ id, ...more });
  const inner = step('inner', { branches: [{ steps: [step('deep')] }] });
  const document = { steps: [step('first'), step('route', { branches: [{ steps: [] }, { steps: [inner] }], else: [step('other')] })] };
  assert.equal(stepAt(document, 'first'), document.steps[0]);
  assert.equal(stepAt(document, 'route'), document.steps[1]);
  assert.equal(stepAt(document, 'route.1.inner'), inner);
  assert.deepEqual(stepAt(document, 'route.1.inner.0.deep'), { id: 'deep' });
  assert.deepEqual(stepAt(document, 'route.else.other'), { id: 'other' });
  for (const path of ['nowhere', 'route.0.inner', 'route.9.inner', 'first.0.inner', 'route.1.inner.else.x', ''])
    assert.equal(stepAt(document, path), undefined, path);
  assert.equal(stepAt(null, 'first'), undefined);
});
