import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_HOPS } from './emitted-event.ts';
import { AT, event, open, recorded, RUN, send, stateOf, workflowOf } from './turn-fixture.ts';

const emitting = (told: object, id = 'tell'): object => ({ id, uses: 'emit', with: told });

test('an emit adds an event to the log under the id of its step, and the run does not wait for it', () => {
  const data = { tag: '{{ event.data.tag }}', list: [1, { deep: '{{ event.id }}' }] };
  const turn = open([
    workflowOf([emitting({ type: 'release.told', key: '{{ event.source }}-1', data }), send('last', '{{ steps.tell.output.id }}')]),
  ]);
  const { events, commands } = recorded(turn);
  assert.deepEqual(
    events.map(({ body, ...rest }) => ({ ...rest, body: JSON.parse(Buffer.from(body).toString()) as unknown })),
    [
      {
        id: `${RUN}/tell`,
        workflow: 'w',
        type: 'release.told',
        key: 'github-1',
        priority: event.priority,
        time: AT,
        hops: 1,
        body: { tag: 'v1', list: [1, { deep: event.id }] },
      },
    ],
  );
  assert.equal(commands[0]?.body['text'], `${RUN}/tell`);
  assert.deepEqual(stateOf([turn]).steps[0]?.output, { id: `${RUN}/tell`, type: 'release.told', key: 'github-1' });
});

test('without key and data it has the key of its event and an empty object', () => {
  const [emitted] = recorded(open([workflowOf([emitting({ type: 't' })])])).events;
  assert.deepEqual([emitted?.key, Buffer.from(emitted?.body ?? []).toString()], [event.key, '{}']);
});

test('events that lead to each other without end are stopped', () => {
  const circle = [workflowOf([emitting({ type: 'release.published' })])];
  assert.equal(recorded(open(circle, { hops: MAX_HOPS - 1 })).events[0]?.hops, MAX_HOPS);
  const turn = open(circle, { hops: MAX_HOPS });
  assert.deepEqual(recorded(turn).events, []);
  const { run, steps } = stateOf([turn]);
  assert.deepEqual([run.status, steps[0]?.error?.place], ['failed', 'steps[0].with']);
  assert.match(steps[0]?.error?.because ?? '', /circle/);
});

test('what cannot be an event fails its step with the place', () => {
  for (const [told, place] of [
    [{ type: 'two words' }, 'steps[0].with.type'],
    [{ type: '{{ event.data.nothing | default: "" }}' }, 'steps[0].with.type'],
    [{ type: 't', key: 'a\nb' }, 'steps[0].with.key'],
    [{ type: 't', key: '{{ event.data.tag | append: "          " | append: "xxxxxxxxxx" }}'.padEnd(400, 'x') }, 'steps[0].with.key'],
  ] as const) {
    const { steps } = stateOf([open([workflowOf([emitting(told)])])]);
    assert.deepEqual([steps[0]?.status, steps[0]?.error?.place], ['failed', place]);
  }
});

test('an event that was emitted before its run failed is published all the same', () => {
  const turn = open([workflowOf([emitting({ type: 't' }), send('last', '{{ event.data.missing }}')])]);
  assert.equal(stateOf([turn]).run.status, 'failed');
  assert.equal(recorded(turn).events.length, 1);
});
