import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InvalidInput } from '../../lib/actor/define-actor.ts';
import type { Message } from '../../lib/actor/message.ts';
import { workflowInput } from './workflow-input.ts';

const event: Message = {
  id: 'e1',
  key: 'o/r',
  priority: 'default',
  stream: 'EVENTS',
  seq: 7,
  subject: 'events.default.3.github.release.published',
  round: 0,
  headers: {
    'ce-type': 'Release.Published',
    'ce-time': '2026-01-01T00:00:00Z',
    'Vis-Received': '2026-01-01T00:00:01.000Z',
    traceparent: '00-a-b-01',
  },
  body: Buffer.from('not looked at'),
  storedAt: 0,
};

function result(type: string, body: unknown, headers: Record<string, string> = {}): Message {
  return {
    ...event,
    id: 'r/first/result',
    stream: 'COMMANDS',
    subject: 'commands.default.3.workflow',
    headers: { 'ce-type': type, 'Vis-Run': 'r', 'Vis-Step': 'first', ...headers },
    body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body)),
  };
}

test('an event is read from its subject and headers, and its body stays as it is', () => {
  assert.deepEqual(workflowInput(event), {
    kind: 'event',
    event: {
      id: 'e1',
      source: 'github',
      type: 'Release.Published',
      key: 'o/r',
      priority: 'default',
      time: '2026-01-01T00:00:00Z',
      receivedAt: '2026-01-01T00:00:01.000Z',
      stream: 'EVENTS',
      seq: 7,
      traceparent: '00-a-b-01',
      hops: 0,
      onlyFor: null,
      body: event.body,
    },
  });
});

test('an event without headers has what its subject and the log say', () => {
  const input = workflowInput({ ...event, headers: {}, storedAt: Date.UTC(2026, 0, 2) });
  assert.ok(input.kind === 'event');
  const { type, time, receivedAt, traceparent } = input.event;
  assert.deepEqual(
    [type, time, receivedAt, traceparent],
    ['release.published', '2026-01-02T00:00:00.000Z', '2026-01-02T00:00:00.000Z', null],
  );
});

test('a cancelling names its run', () => {
  assert.deepEqual(workflowInput(result('run.cancel', {})), { kind: 'cancel', cancel: { messageId: 'r/first/result', run: 'r' } });
});

test('an event that a workflow emitted says how many emits led to it', () => {
  const input = workflowInput({ ...event, headers: { 'Vis-Hops': '3' } });
  assert.equal(input.kind === 'event' && input.event.hops, 3);
  assert.throws(() => workflowInput({ ...event, headers: { 'Vis-Hops': '-1' } }), /Vis-Hops/);
});

test('results and retries are read from their bodies', () => {
  const about = { messageId: 'r/first/result', run: 'r', step: 'first' };
  assert.deepEqual(workflowInput(result('step.succeeded', { command: 'r/first', output: { ts: '1' } })), {
    kind: 'result',
    result: { ...about, kind: 'succeeded', command: 'r/first', output: { ts: '1' } },
  });
  assert.deepEqual(
    workflowInput(result('step.failed', { command: 'r/first', reason: 'refused', because: 'no', detail: null, deadLetter: 'd' })),
    {
      kind: 'result',
      result: { ...about, kind: 'failed', command: 'r/first', error: { reason: 'refused', because: 'no' }, deadLetterId: 'd' },
    },
  );
  assert.deepEqual(workflowInput(result('step.retry', { step: 'first', generation: 'g', workflow: 'w', version: 2, deadLetter: 'd' })), {
    kind: 'retry',
    retry: { ...about, generation: 'g', workflow: 'w', version: 2 },
  });
});

for (const [name, message, why] of [
  ['no JSON', result('step.succeeded', '{'), /JSON/],
  ['a field is missing', result('step.failed', { command: 'c' }), /does not fit/],
  ['an unknown type', result('step.exploded', {}), /step\.succeeded/],
  ['no run', result('step.succeeded', { command: 'c' }, { 'Vis-Run': '' }), /Vis-Run/],
  ['a version that is not known', result('step.succeeded', { command: 'c' }, { 'Vis-Schema': '9' }), /Vis-Schema/],
  ['another subject', { ...event, subject: 'advisory.x.y' }, /advisory/],
] as const)
  test(`what cannot be read is invalid: ${name}`, () => {
    assert.throws(
      () => workflowInput(message),
      (error) => error instanceof InvalidInput && why.test(error.message),
    );
  });
