import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fc } from '../dev/fast-check.ts';
import { Secret } from '../core/secret.ts';
import { anyText } from '../dev/any-text.ts';
import { scaled } from '../dev/test-scale.ts';
import { logDone, logRequest, traceIdOf } from './canonical-line.ts';
import { cleanText } from './log-fields.ts';
import { createLog } from './log.ts';

function capture() {
  const lines: string[] = [];
  const log = createLog({
    program: 'test',
    env: 'development',
    version: '0',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  return { lines, log, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

test('a field that is not listed is left out and named', () => {
  const { log, lines, last } = capture();
  log.info({ source: 'github', key: 'c@d.example', headers: { authorization: 'Bearer abcdefghij' }, email: 'a@b.example' }, 'x');
  assert.equal(last()['source'], 'github');
  assert.deepEqual(last()['omitted'], ['headers', 'email']);
  assert.doesNotMatch(lines.join(''), /abcdefghij|[ac]@[bd]\.example/);
  assert.deepEqual([last()['program'], last()['env'], last()['version'], last()['level']], ['test', 'development', '0', 'info']);
});

test('a secret shows [set], an error only its listed parts, and credentials in its message are hidden', () => {
  const { log, lines, last } = capture();
  const error = Object.assign(
    new Error('connect postgres://user:hunter2@db/x failed, password=hunter3', { cause: new Error('Bearer hunter4hunter4') }),
    {
      code: 'ECONN',
      query: 'select hunter5',
    },
  );
  log.error({ err: error, config: { token: new Secret('hunter6') } }, 'Basic hunter7hunter7');
  assert.doesNotMatch(lines.join(''), /hunter/);
  assert.match(lines.join(''), /\[set\]@db/);
  assert.equal((last()['err'] as { code: string }).code, 'ECONN');
});

test('the first look at a text lets nothing through that a rule would hide', () => {
  const around = 'postgres :// user : @ host Bearer basic abcdefghij whsec_ xoxb- ghp_ vis_ = . /'.split(' ');
  const words = 'password PASSWD Secret token api_key apikey signature'.split(' ');
  const piece = fc.constantFrom('\t', '"', ...around, ...words);
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      // A blank in front makes every rule run, and changes what none of them finds.
      assert.equal(` ${cleanText(text)}`, cleanText(` ${text}`));
    }),
    { numRuns: scaled({ day: 3_000, night: 20_000 }) },
  );
});

test('a line break in a value does not start a new line', () => {
  const { log, lines } = capture();
  log.warn({ reason: 'x\n{"level":"fatal"}' }, 'y\nz');
  assert.equal(lines.join('').trimEnd().split('\n').length, 1);
});

test('a request has one line, whose level follows its status', () => {
  const { log, last, lines } = capture();
  const line = { method: 'POST', route: '/hooks/:source', reason: 'accepted', ms: 1.23456, source: 'github' };
  for (const [status, level] of [
    [202, 'info'],
    [401, 'warn'],
    [503, 'error'],
  ] as const) {
    logRequest(log, { ...line, status });
    assert.equal(last()['level'], level);
  }
  assert.equal(lines.length, 3);
  assert.equal(last()['ms'], 1.235);
});

test('the line of an accepted request is the one that the log itself would write', () => {
  const { log, last } = capture();
  const lines = fc.record(
    {
      method: fc.constantFrom('POST', 'GET'),
      route: fc.constantFrom('/hooks/:source', '/v1/events'),
      status: fc.constantFrom(200, 202, 204),
      reason: fc.constantFrom('accepted', 'challenge'),
      ms: fc.double({ min: 0, max: 10_000, noNaN: true }),
      bytes: fc.nat(),
      count: fc.nat(),
      source: fc.constant('github'),
      type: fc.oneof(anyText(), fc.constantFrom('"', '\\', '\n', 'token=abcdefgh', 'x'.repeat(2_000))),
      eventId: fc.constant('abcdefghijklmnopqrstuvwxyz'),
      duplicate: fc.boolean(),
      traceId: fc.constant('4bf92f3577b34da6a3ce929d0e0e4736'),
    },
    { requiredKeys: ['method', 'route', 'status', 'reason', 'ms'] },
  );
  fc.assert(
    fc.property(lines, (line) => {
      logRequest(log, line);
      const { time: _time, ...written } = last();
      log.info({ ...line, ms: Math.round(line.ms * 1000) / 1000 }, 'request');
      const { time: _also, ...expected } = last();
      assert.deepEqual(written, expected);
    }),
    { numRuns: scaled({ day: 300, night: 2_000 }) },
  );
});

test('the line of a message that is done is the one that the log itself would write', () => {
  const { log, last } = capture();
  const id = fc.oneof(
    anyText(),
    fc.constantFrom('abcdefghijklmnopqrstuvwxyz/tell', '"', '\\', '\n', 'token=abcdefgh', 'vis_abcdefghij', 'x'.repeat(2_000)),
  );
  const lines = fc.record(
    {
      actor: fc.constantFrom('workflow', 'keys'),
      messageId: id,
      eventId: id,
      run: id,
      step: id,
      traceId: fc.constant('4bf92f3577b34da6a3ce929d0e0e4736'),
      stream: fc.constantFrom('EVENTS', 'COMMANDS'),
      seq: fc.nat(),
      attempt: fc.nat(),
      queueMs: fc.nat(),
      ms: fc.nat().map((tenths) => tenths / 10),
    },
    { requiredKeys: ['actor', 'messageId', 'stream', 'seq', 'attempt', 'ms'] },
  );
  fc.assert(
    fc.property(lines, (line) => {
      logDone(log, line);
      const { time: _time, ...written } = last();
      log.info({ ...line, verdict: 'done' }, 'message');
      const { time: _also, ...expected } = last();
      assert.deepEqual(written, expected);
    }),
    { numRuns: scaled({ day: 300, night: 2_000 }) },
  );
});

test('a log of warnings has no line for what was accepted', () => {
  const { log, lines } = capture();
  log.level = 'warn';
  logRequest(log, { method: 'POST', route: '/', status: 202, reason: 'accepted', ms: 1 });
  assert.deepEqual(lines, []);
});

test('the trace id is taken from a traceparent only when it is one', () => {
  assert.equal(traceIdOf('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'), '4bf92f3577b34da6a3ce929d0e0e4736');
  assert.equal(traceIdOf('00-xyz'), undefined);
  assert.equal(traceIdOf(undefined), undefined);
});
