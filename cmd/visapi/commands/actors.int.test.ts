import assert from 'node:assert/strict';
import test from 'node:test';
import { openStore, EMPTY } from '../../../lib/store/test-store.ts';
import { createTestTool } from '../test-tool.ts';

test('what an actor keeps is listed page by page, shown as it is, and a misspelt word is told', async (t) => {
  const { store, database, url } = await openStore(t);
  const { run: visapi } = createTestTool({ DATABASE_URL: url });
  const none = await visapi('actor', 'state', 'count-payments');
  assert.deepEqual([none.code, none.stderr], [3, 'visapi: no actor count-payments keeps anything; no actor keeps anything\n']);

  // In the order of their names.
  const [other, unit] = await store.acquire(
    'one',
    [
      { actor: 'count-payments', partition: 0 },
      { actor: 'by-room', partition: 0 },
    ],
    3_000,
  );
  assert.ok(unit !== undefined && other !== undefined);
  const address = { messageId: 'e1', stream: 'EVENTS', seq: 7 };
  const json = JSON.stringify({ count: 2, name: 'Zoë "\0\\' });
  const keys = ['customer-1', 'customer-2', "o'clock"];
  await store.settle({
    ...EMPTY,
    states: [
      ...keys.map((key) => ({ unit, eventKey: key, key, state: { version: 2, json }, ...address })),
      ...['a', 'b', 'c'].map((key) => ({ unit: other, eventKey: 'house', key, state: { version: 1, json: '0' }, ...address })),
    ],
  });

  const shown = await visapi('actor', 'state', 'count-payments', 'customer-2');
  assert.match(
    shown.stdout + shown.stderr,
    /^State of count-payments, key customer-2\nversion 2, \d+ bytes, since \d{4}-\S+Z, by e1 \(EVENTS 7\)\n\{\n {2}"count": 2,\n {2}"name": "Zoë \\"\\u0000\\\\"\n\}\n$/,
  );
  const printed = JSON.parse((await visapi('actors', 'state', 'count-payments', 'customer-2', '--json')).stdout) as {
    states: { state: unknown; bytes: number }[];
  };
  assert.deepEqual(
    printed.states.map(({ state, bytes }) => [state, bytes]),
    [[JSON.parse(json), Buffer.byteLength(json)]],
  );

  const first = await visapi('actor', 'state', 'count-payments', '--limit', '2');
  assert.match(
    first.stdout,
    /customer-1 .*customer-2 .*\n3 keys in all\.\nThe next page: visapi actor state count-payments --after customer-2\n$/s,
  );
  const second = await visapi('actor', 'state', 'count-payments', '--limit', '2', '--after', 'customer-2');
  assert.match(second.stdout, /o'clock .*\n3 keys in all\.\n$/s);
  assert.doesNotMatch(second.stdout, /customer/);

  // Mailboxes of one key are pages of their own.
  const rooms = await visapi('actor', 'state', 'by-room', '--limit', '2');
  assert.match(rooms.stdout, /house, mailbox a .*--after house --after-mailbox b\n$/s);
  const lastRoom = await visapi('actor', 'state', 'by-room', '--after', 'house', '--after-mailbox', 'b');
  assert.match(lastRoom.stdout, /│ house, mailbox c /);
  assert.doesNotMatch(lastRoom.stdout, /mailbox [ab] /);
  assert.equal((await visapi('actor', 'state', 'by-room', 'house')).stdout.match(/^State of/gm)?.length, 3);
  assert.match((await visapi('actor', 'state', 'by-room', 'b')).stdout, /^State of by-room, key house, mailbox b\n/);

  for (const [words, code, stderr] of [
    [['count-payment'], 3, /no actor count-payment keeps anything; did you mean count-payments\?/],
    [['slack'], 3, /slack keeps nothing of any key; those that do are by-room, count-payments/],
    [['count-payments', 'custmer-2'], 3, /count-payments keeps nothing of the key custmer-2; did you mean customer-2\?/],
    [['count-payments', 'nobody'], 3, /nothing of the key nobody; visapi actor state count-payments lists its keys/],
    [['count-payments', '--limit', '0'], 2, /--limit/],
    [['by-room', '--after-mailbox', 'b'], 2, /expected --after with it/],
  ] as const) {
    const ended = await visapi('actor', 'state', ...words);
    assert.deepEqual([ended.code, stderr.test(ended.stderr)], [code, true], ended.stderr);
  }
  assert.match((await visapi('actor', 'state', '--help')).stdout, /\$ visapi actor state count-payments customer-3 --json/);
  await database.query({ text: 'delete from actor_states' });
});
