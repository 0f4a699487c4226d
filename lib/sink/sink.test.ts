import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSink, type SinkOptions } from './sink.ts';
import { patience } from '../dev/test-scale.ts';

const HOOK = '/services/T0LOCAL/B0RELEASES/localpeer';
const API = '/api/chat.postMessage';
const TOKEN = 'Bearer xoxb-local-peer';

async function start(t: TestContext, options: Partial<SinkOptions> = {}) {
  const sink = await startSink({ port: 0, ...options });
  t.after(() => sink.stop());
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(sink.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) as never };
  };
  return {
    url: sink.url,
    get: (path: string) => send('GET', path),
    remove: (path: string) => send('DELETE', path),
    post: (path: string, body: unknown, headers?: Record<string, string>) => send('POST', path, body, headers),
    call: (body: unknown, headers: Record<string, string> = {}) => send('POST', API, body, { authorization: TOKEN, ...headers }),
    messages: async (query = '') =>
      (await send('GET', `/messages${query}`)).json() as {
        channel: string;
        text: string;
        at: string;
        ts: string;
        idempotencyKey: string;
        body: unknown;
        attachments: unknown[];
      }[],
    attempts: async () =>
      (await send('GET', '/attempts')).json() as { outcome: string; because: string; status: number | null; text: string }[],
  };
}

test('an incoming webhook answers ok, and the message is listed with its channel, time, key, body and attachments', async (t) => {
  const sink = await start(t);
  const body = { text: 'hello', attachments: [{ text: 'more' }] };
  const answer = await sink.post(HOOK, body, { 'idempotency-key': 'k1' });
  assert.deepEqual([answer.status, answer.text], [200, 'ok']);
  const [message] = await sink.messages();
  assert.ok(message !== undefined && !Number.isNaN(Date.parse(message.at)));
  assert.equal(message.channel, '#releases');
  assert.equal(message.idempotencyKey, 'k1');
  assert.deepEqual(message.body, body);
  assert.deepEqual(message.attachments, body.attachments);
});

test('the same message twice is two messages', async (t) => {
  const sink = await start(t);
  for (let i = 0; i < 2; i++) await sink.post(HOOK, { text: 'hello' }, { 'idempotency-key': 'k1' });
  const messages = await sink.messages();
  assert.equal(messages.length, 2);
  assert.notEqual(messages[0]?.ts, messages[1]?.ts);
});

test('a webhook refuses what Slack refuses, with its status and text', async (t) => {
  const sink = await start(t);
  const cases: [string, unknown, number, string][] = [
    [HOOK, '{"text":', 400, 'invalid_payload'],
    [HOOK, '[]', 400, 'invalid_payload'],
    [HOOK, {}, 400, 'no_text'],
    [HOOK, { text: ' ' }, 400, 'no_text'],
    [HOOK, { blocks: [{ type: 'nope' }] }, 400, 'invalid_blocks'],
    [HOOK, { text: 'x', attachments: Array.from({ length: 101 }, () => ({})) }, 400, 'too_many_attachments'],
    ['/services/T0LOCAL/B0RELEASES/wrong', { text: 'x' }, 403, 'invalid_token'],
    ['/services/T0/B0/x', { text: 'x' }, 404, 'no_service'],
    ['/services/T0LOCAL/B0ARCHIVED/localpeer', { text: 'x' }, 410, 'channel_is_archived'],
  ];
  for (const [path, body, status, text] of cases) {
    const answer = await sink.post(path, body);
    assert.deepEqual([answer.status, answer.text], [status, text], JSON.stringify([path, body]));
  }
  assert.equal((await sink.messages()).length, 0);
  assert.equal((await sink.attempts()).length, cases.length);
});

test('chat.postMessage answers ok with channel and ts, by id and by name, as JSON and as a form', async (t) => {
  const sink = await start(t);
  const metadata = { event_type: 'x', event_payload: { idempotency_key: 'k2' } };
  const answer = (await sink.call({ channel: 'C0RELEASES', text: 'a', metadata })).json() as { ok: boolean; channel: string; ts: string };
  assert.equal(answer.ok, true);
  assert.equal(answer.channel, 'C0RELEASES');
  assert.match(answer.ts, /^\d{10}\.\d{6}$/);
  const blocks = JSON.stringify([{ type: 'divider' }]);
  const form = new URLSearchParams({ token: 'xoxb-local-peer', channel: '#releases', text: 'b', blocks }).toString();
  const second = await sink.post(API, form, { 'content-type': 'application/x-www-form-urlencoded' });
  assert.match(second.text, /"ok":true/);
  const messages = await sink.messages('?channel=%23releases');
  assert.deepEqual(
    messages.map((message) => [message.channel, message.text, message.idempotencyKey]),
    [
      ['#releases', 'a', 'k2'],
      ['#releases', 'b', null],
    ],
  );
  assert.doesNotMatch(JSON.stringify(messages), /xoxb/);
});

test('chat.postMessage refuses what Slack refuses, with status 200 and its error', async (t) => {
  const sink = await start(t);
  const cases: [unknown, Record<string, string>, string][] = [
    [{ channel: 'C0RELEASES', text: 'x' }, { authorization: '' }, 'not_authed'],
    [{ channel: 'C0RELEASES', text: 'x', token: 'xoxb-local-peer' }, { authorization: '' }, 'not_authed'],
    [{ channel: 'C0RELEASES', text: 'x' }, { authorization: 'Bearer xoxb-other' }, 'invalid_auth'],
    ['{', {}, 'invalid_json'],
    [{ text: 'x' }, {}, 'channel_not_found'],
    [{ channel: '#nowhere', text: 'x' }, {}, 'channel_not_found'],
    [{ channel: '#archived', text: 'x' }, {}, 'is_archived'],
    [{ channel: '#releases' }, {}, 'no_text'],
    [{ channel: '#releases', text: 'x'.repeat(40_001) }, {}, 'msg_too_long'],
    [{ channel: '#releases', blocks: {} }, {}, 'invalid_blocks_format'],
    [
      { channel: '#releases', text: 'x', blocks: [{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }] },
      {},
      'invalid_blocks',
    ],
    [{ channel: '#releases', text: 'x' }, { 'content-type': 'application/xml' }, 'invalid_post_type'],
  ];
  for (const [body, headers, error] of cases) {
    const answer = await sink.call(body, headers);
    assert.equal(answer.status, 200);
    assert.equal((answer.json() as { error: string }).error, error, JSON.stringify([body, headers]).slice(0, 200));
  }
  const wrong = (await sink.call({ channel: '#releases', blocks: [{ type: 'section' }] })).json() as { errors: string[] };
  assert.deepEqual(wrong.errors, ['expected text or fields [json-pointer:/blocks/0]']);
  assert.equal((await sink.messages()).length, 0);
});

test('a behaviour answers the next requests that match, and then Slack answers again', async (t) => {
  const sink = await start(t);
  await sink.post('/behaviour', { match: { textIncludes: 'A' }, times: 2, answer: { status: 500, body: 'rollup_error' } });
  await sink.post('/behaviour', { match: { channel: '#releases', textIncludes: 'R' }, answer: { retryAfter: 7 } });
  assert.equal((await sink.post(HOOK, { text: 'B' })).status, 200);
  assert.deepEqual(
    ((await sink.get('/behaviour')).json() as { remaining: number }[]).map(({ remaining }) => remaining),
    [2, 1],
  );
  assert.equal((await sink.post(HOOK, { text: 'A1' })).text, 'rollup_error');
  assert.equal((await sink.call({ channel: 'C0RELEASES', text: 'A2' })).status, 500);
  const limited = await sink.call({ channel: 'C0RELEASES', text: 'R' });
  assert.deepEqual([limited.status, limited.headers.get('retry-after'), limited.text], [429, '7', '{"ok":false,"error":"ratelimited"}']);
  assert.equal((await sink.post(HOOK, { text: 'A3' })).status, 200);
  assert.deepEqual(
    (await sink.messages()).map(({ text }) => text),
    ['B', 'A3'],
  );
  assert.deepEqual(
    (await sink.attempts()).map(({ outcome }) => outcome),
    ['arrived', 'behaviour', 'behaviour', 'behaviour', 'arrived'],
  );
});

test('a hang-up loses the answer; the message arrives unless it was not read', async (t) => {
  const sink = await start(t);
  for (const hangUp of ['before-read', 'after-read', 'half-answer']) {
    await sink.post('/behaviour', { answer: { hangUp } });
    await assert.rejects(sink.post(HOOK, { text: hangUp }), hangUp);
  }
  await sink.post('/behaviour', { match: { textIncludes: 'this' }, answer: { hangUp: 'before-read' } });
  await assert.rejects(sink.call({ channel: '#releases', text: 'this one' }));
  assert.deepEqual(
    (await sink.messages()).map(({ text }) => text),
    ['after-read', 'half-answer'],
  );
  assert.deepEqual(
    (await sink.attempts()).map(({ because, status }) => [because, status]),
    [
      ['before-read', null],
      ['after-read', null],
      ['half-answer', null],
      ['before-read', null],
    ],
  );
});

test("a delay alone is Slack's own answer, late, and the message is there before it", async (t) => {
  const sink = await start(t);
  await sink.post('/behaviour', { answer: { delayMs: 300 } });
  const startedAt = performance.now();
  const pending = sink.post(HOOK, { text: 'late' });
  while ((await sink.messages()).length === 0) assert.ok(performance.now() - startedAt < patience(5_000));
  assert.equal((await pending).text, 'ok');
  assert.ok(performance.now() - startedAt >= 290);
});

test('a behaviour that does not fit is refused with the place, and all can be taken back', async (t) => {
  const sink = await start(t);
  const answer = await sink.post('/behaviour', { times: 0, answer: { status: 99 } });
  assert.equal(answer.status, 400);
  assert.equal(
    (answer.json() as { detail: string }).detail,
    'times: expected at least 1, got 0; answer.status: expected at least 200, got 99',
  );
  const unknown = await sink.post('/behaviour', { answer: { hangUp: 'x', code: 4 } });
  assert.equal(
    (unknown.json() as { detail: string }).detail,
    'answer.hangUp: expected one of before-read, after-read, half-answer, got "x"; ' +
      'answer.code: expected one of stage, status, body, retryAfter, delayMs, hangUp, got a field that is not known',
  );
  assert.match((await sink.post('/behaviour', '{')).text, /expected a JSON object, got something that is no JSON/);
  await sink.post('/behaviour', { times: 9, answer: { status: 500 } });
  assert.equal((await sink.remove('/behaviour')).status, 204);
  assert.equal((await sink.post(HOOK, { text: 'x' })).status, 200);
});

test('messages are filtered, limited to the newest, bounded, and can be cleared', async (t) => {
  const sink = await start(t, { maxMessages: 20 });
  for (let i = 0; i < 25; i++) await sink.post(HOOK, { text: String(i) });
  await sink.post('/services/T0LOCAL/B0ALERTS/localpeer', { text: 'alert' });
  const all = await sink.messages();
  assert.ok(all.length <= 20);
  assert.equal(all.at(-1)?.text, 'alert');
  assert.deepEqual(
    (await sink.messages('?channel=C0ALERTS')).map(({ text }) => text),
    ['alert'],
  );
  assert.deepEqual(
    (await sink.messages('?limit=2')).map(({ text }) => text),
    ['24', 'alert'],
  );
  assert.deepEqual(await sink.messages(`?since=${encodeURIComponent(all.at(-1)?.at ?? '')}`), []);
  assert.equal((await sink.messages(`?since=${Date.now() - 60_000}`)).length, all.length);
  await sink.remove('/messages');
  assert.deepEqual(await sink.messages(), []);
});

test('the page lists what arrived, escaped, and loads nothing', async (t) => {
  const sink = await start(t);
  await sink.post(HOOK, { text: '<script>alert(1)</script>' }, { 'idempotency-key': '"><b>' });
  const page = await sink.get('/');
  assert.match(page.text, /&lt;script&gt;alert\(1\)/);
  assert.doesNotMatch(page.text, /<script|<b>/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('the file has every message before it is answered', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'messages.jsonl');
  const sink = await start(t, { file });
  for (const text of ['a', 'b']) {
    await sink.post(HOOK, { text });
    assert.equal((JSON.parse(readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '') as { text: string }).text, text);
  }
});

test('a sink that starts again has the messages of its file, but not those that were cleared, nor a line that is not whole', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'visapi-sink-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'messages.jsonl');
  const first = await start(t, { file });
  await first.post(HOOK, { text: 'cleared' });
  await first.remove('/messages');
  await first.post(HOOK, { text: 'a' });
  appendFileSync(file, '{"text":"half');
  const second = await start(t, { file });
  await second.post(HOOK, { text: 'b' });
  const third = await start(t, { file });
  assert.deepEqual(
    (await third.messages()).map(({ text }) => text),
    ['a', 'b'],
  );
});

test('it says that it lives and is ready', async (t) => {
  const sink = await start(t);
  assert.deepEqual([(await sink.get('/livez')).status, (await sink.get('/readyz')).status], [200, 200]);
});
