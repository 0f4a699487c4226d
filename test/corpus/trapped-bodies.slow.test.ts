import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { listDeadLetters } from '../../lib/store/dead-letters.ts';
import { createTraceReader } from '../../lib/store/trace.ts';
import { SECRET } from '../../lib/dev/release-events.ts';
import { openSystem, until } from '../system-bed.ts';

/** Reads a member that every trap leaves right, and one that is the trap. */
function workflow(name: string, text: string, condition = 'event.data.repository.full_name.startsWith("trap")'): string {
  return JSON.stringify({
    name,
    on: { event: 'release.published', if: condition },
    steps: [{ id: 'tell', uses: 'slack.send', with: { channel: '#releases', text } }],
  });
}

const WORKFLOWS = [
  workflow('reads-around', '{{ event.data.repository.full_name }} {{ event.data.release.tag_name }}'),
  workflow('prints-it', '{{ event.data.trap | json }}'),
  workflow('writes-it', 'trap: {{ event.data.trap }}'),
  workflow('compares-it', 'same', 'event.data.trap == event.data.trap && event.data.repository.full_name.startsWith("trap")'),
];

const around = (trap: string, repository: string) =>
  `{"action":"published","repository":{"full_name":${JSON.stringify(repository)}},"release":{"tag_name":"v1"},"trap":${trap}}`;
const nested = (open: string, inside: string, close: string, levels: number) => open.repeat(levels) + inside + close.repeat(levels);
const names = Array.from({ length: 80_000 }, (_, index) => `"n${index}":0`).join(',');

/** What stands at `trap`. Every event has a key of its own, and a good event behind it. */
const TRAPS: Readonly<Record<string, string>> = {
  'lists 10,000 levels deep': nested('[', '', ']', 10_000),
  'objects 10,000 levels deep': nested('{"a":', '1', '}', 10_000),
  'lists 400,000 levels deep': nested('[', '', ']', 400_000),
  "an object's prototype": '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}',
  'the names that objects are born with': '{"toString":1,"valueOf":null,"hasOwnProperty":{},"toJSON":1,"then":1,"length":-1}',
  'the same name twice': '{"a":1,"a":[]}',
  'U+0000': '{"\\u0000":"a\\u0000b"}',
  'halves of surrogate pairs': '{"\\ud800":"\\udc00x\\ud800"}',
  'numbers beyond all numbers': '[1e400,-1e400,1e-400,12345678901234567890]',
  'a number of 100,000 digits': '9'.repeat(100_000),
  'a text of 500,000 letters': JSON.stringify('x'.repeat(500_000)),
  '80,000 names': `{${names}}`,
  'line breaks and escapes of a terminal': '"\\r\\nVis-Key: other\\r\\n\\u001b[2J\\u2028"',
  'what a template would be': '"{{ event.data.repository.full_name }}{% raw %}"',
  null: 'null',
};

/** Bodies that are the trap themselves. */
const WHOLE: Readonly<Record<string, string>> = {
  'a body of null': 'null',
  'a body that is a list 400,000 levels deep': nested('[', '', ']', 400_000),
  'a body with a mark': `\uFEFF${around('1', 'trap/mark')}`,
  'a key of U+0000': around('1', 'trap/\u0000a'),
  'a key of half a pair': `{"action":"published","repository":{"full_name":"trap/\\ud800"},"release":{"tag_name":"v1"},"trap":1}`,
  'a key with line breaks': around('1', 'trap/a\r\nVis-Key: b'),
  'a key of 100,000 letters': around('1', `trap/${'k'.repeat(100_000)}`),
  'a key named as an object is': around('1', '__proto__'),
  'an action that is no text': '{"action":{"a":[]},"repository":{"full_name":"trap/action"}}',
  'an action of U+0000 and half a pair': '{"action":"\\u0000\\ud800","repository":{"full_name":"trap/action"}}',
};

const SOURCES = JSON.stringify([
  { name: 'github', preset: 'github', secrets: [{ value: SECRET }] },
  {
    name: 'raw',
    preset: 'bearer',
    contentTypes: ['text/plain'],
    type: { header: 'x-type' },
    key: { header: 'x-key' },
    secrets: [{ value: 'token' }],
  },
]);

test(
  'whatever a genuine sender sends has its visible fate, stops nobody behind it, and kills no program',
  { timeout: 240_000 },
  async (t) => {
    const system = await openSystem(t, WORKFLOWS, { sources: SOURCES });
    const reader = createTraceReader(system.database);
    const startOf = async (name: 'ingest' | 'processor' | 'notifier') =>
      /process_start_time_seconds\{?[^}]*\}? (\S+)/.exec(await system.metrics(name))?.[1];
    const programs = ['ingest', 'processor', 'notifier'] as const;
    const startedBefore = await Promise.all(programs.map(startOf));

    const post = async (path: string, headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer>) => {
      const response = await fetch(`${system.ingestUrl}${path}`, { method: 'POST', headers, body });
      assert.equal(response.status, 202);
      return ((await response.json()) as { id: string }).id;
    };
    let deliveries = 0;
    const send = (body: string) => {
      const bytes = Buffer.from(body);
      const headers = {
        'content-type': 'application/json',
        'x-github-event': 'release',
        'x-github-delivery': `d-${++deliveries}`,
        'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(bytes).digest('hex')}`,
      };
      return post('/hooks/github', headers, bytes);
    };
    const raw = (body: Uint8Array<ArrayBuffer>) =>
      post(
        '/hooks/raw',
        { authorization: 'Bearer token', 'content-type': 'text/plain', 'x-type': 'release.published', 'x-key': 'trap/raw' },
        body,
      );

    const sent = new Map<string, string>();
    for (const [name, trap] of Object.entries(TRAPS)) sent.set(name, await send(around(trap, `trap/${name}`)));
    for (const [name, body] of Object.entries(WHOLE)) sent.set(name, await send(body));
    sent.set('no JSON', await raw(Buffer.from('hello')));
    sent.set('no UTF-8', await raw(Buffer.from([0xff, 0x00])));
    // Behind every trap, under its key, comes one that is good.
    const behind = new Map<string, string>();
    for (const name of Object.keys(TRAPS)) behind.set(name, await send(around('1', `trap/${name}`)));
    behind.set('no JSON', await raw(Buffer.from(around('1', 'trap/raw'))));

    const all = new Map([...sent, ...[...behind].map(([name, id]) => [`behind ${name}`, id] as const)]);
    const fateOf = async (id: string): Promise<string | undefined> => {
      const trace = await reader.byId(id);
      // An event that no workflow can read is recorded by its dead letter alone.
      const letter =
        trace === undefined ? (await listDeadLetters(system.database, {}, 100)).find(({ messageId }) => messageId === id) : undefined;
      return letter === undefined ? trace?.fate.kind : `dead-lettered: ${letter.reason}`;
    };
    const fates = new Map<string, string>();
    await until(
      'every event has its fate',
      async () => {
        for (const [name, id] of all) {
          const fate = fates.has(name) ? 'waiting' : await fateOf(id);
          if (fate !== undefined && fate !== 'waiting') fates.set(name, fate);
        }
        return fates.size === all.size;
      },
      90_000,
    ).catch((error: unknown) => {
      throw new Error(`no fate: ${[...all.keys()].filter((name) => !fates.has(name)).join(', ')}`, { cause: error });
    });
    for (const name of Object.keys(TRAPS)) {
      const runs = (await reader.byId(sent.get(name) ?? ''))?.runs ?? [];
      // A workflow that does not look at the trap is not touched by it; one that does fails alone, and says where.
      assert.equal(runs.length, WORKFLOWS.length, name);
      assert.equal(runs.find(({ run }) => run.workflow === 'reads-around')?.run.status, 'done', name);
      const failed = runs.filter(({ run }) => run.status !== 'done');
      t.diagnostic(`${name}: ${failed.map(({ run, steps }) => `${run.workflow} ${JSON.stringify(steps[0]?.error)}`).join(', ') || 'done'}`);
      for (const { steps } of failed) assert.equal(steps[0]?.error?.reason, 'invalid', name);
    }
    for (const name of Object.keys(WHOLE)) assert.match(fates.get(name) ?? '', /^(done|failed|unrouted)$/, name);
    for (const name of behind.keys()) assert.equal(fates.get(`behind ${name}`), 'done', `behind ${name}`);
    for (const name of ['no JSON', 'no UTF-8']) assert.equal(fates.get(name), 'dead-lettered: invalid', name);
    assert.deepEqual(await Promise.all(programs.map(startOf)), startedBefore, 'a program was started again');
  },
);
