import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetterEntry } from '../lib/store/dead-letters.ts';
import { createTraceReader, type EventTrace } from '../lib/store/trace.ts';
import { openSystem, until, type SystemBed } from './system-bed.ts';

/** Two steps: the first one is done when the second dies. */
function workflow(owner: string, second: string): string {
  const step = (id: string, text: string) => ({ id, uses: 'slack.send', with: { channel: '#releases', text } });
  return JSON.stringify({
    name: `two-steps-${owner}`,
    on: { event: 'release.published', source: 'github', if: `event.data.repository.full_name.startsWith("${owner}/")` },
    steps: [
      step('first', 'first {{ event.data.repository.full_name }} {{ event.data.release.tag_name }}'),
      step('second', `${second} {{ event.data.repository.full_name }} {{ event.data.release.tag_name }}`),
    ],
  });
}

interface ShownLetter extends DeadLetterEntry {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: { readonly text: string };
}

async function printed<Value>(system: SystemBed, ...words: string[]): Promise<Value> {
  const { code, stdout, stderr } = await system.visapi(...words, '--json');
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Value;
}

async function hasFate(system: SystemBed, id: string, kind: EventTrace['fate']['kind']): Promise<void> {
  const reader = createTraceReader(system.database);
  await until(`the fate of ${id} is ${kind}`, async () => (await reader.byId(id))?.fate.kind === kind);
}

/** Lets the second step of a release be refused as Slack refuses a block, and gives its one dead letter. */
async function bury(system: SystemBed, repository: string): Promise<{ id: string; letter: DeadLetterEntry }> {
  await system.behave({ match: { textIncludes: `broken ${repository}` }, times: 1, answer: { status: 400, body: 'invalid_blocks' } });
  const { status, id } = await system.post({ repository, tag: 'v1' });
  assert.equal(status, 202);
  await hasFate(system, id, 'dead-lettered');
  const letters = (await printed<DeadLetterEntry[]>(system, 'dead', 'list')).filter(({ eventKey }) => eventKey === repository);
  assert.equal(letters.length, 1);
  return { id, letter: letters[0]! };
}

async function textsAbout(system: SystemBed, repository: string): Promise<string[]> {
  return (await system.messages()).map(({ text }) => text).filter((text) => text.includes(repository));
}

test('what Slack refuses becomes one dead letter, and its run is finished later without repeating what was done', async (t) => {
  const system = await openSystem(t, [workflow('mend', 'broken'), workflow('again', 'broken')]);

  await t.test(
    'the dead letter has reason, history, raw payload and the whole answer; with the mended workflow the run is finished',
    async () => {
      const repository = 'mend/r1';
      const { id, letter } = await bury(system, repository);
      const [shown, plain] = await Promise.all([
        printed<ShownLetter>(system, 'dead', 'show', letter.id),
        system.visapi('dead', 'show', letter.id),
      ]);
      assert.deepEqual([shown.actor, shown.reason, shown.step, shown.status, shown.round], ['slack', 'refused', 'second', 'open', 0]);
      assert.match(shown.because, /^invalid_blocks: /);
      const { status, headers, body, isCut } = shown.detail as {
        status: number;
        headers: Record<string, string>;
        body: string;
        isCut: boolean;
      };
      assert.deepEqual([status, body, isCut], [400, 'invalid_blocks', false]);
      assert.match(headers['content-type'] ?? '', /^text\/html/);
      assert.deepEqual(
        shown.history.map(({ attempt, because }) => [attempt, because]),
        [[1, shown.because]],
      );
      assert.deepEqual(shown.history[0]!.detail, shown.detail);
      const command = JSON.parse(shown.payload.text) as Record<string, unknown>;
      assert.deepEqual([command['channel'], command['text']], ['#releases', `broken ${repository} v1`]);
      for (const what of ['refused: invalid_blocks', 'attempt failed', '"status": 400', `broken ${repository} v1`])
        assert.ok(plain.stdout.includes(what), plain.stdout);
      assert.deepEqual(await textsAbout(system, repository), [`first ${repository} v1`]);

      const file = join(system.logFolder, 'mended.json');
      await writeFile(file, workflow('mend', 'mended'));
      const applied = await system.visapi('workflows', 'apply', file);
      assert.equal(applied.code, 0, applied.stderr);
      const redelivered = await printed<{ action: string }[]>(system, 'dead', 'redeliver', letter.id);
      assert.deepEqual(
        redelivered.map(({ action }) => action),
        ['step'],
      );
      await hasFate(system, id, 'done');
      assert.deepEqual(await textsAbout(system, repository), [`first ${repository} v1`, `mended ${repository} v1`]);
      const [{ runs }, [after]] = await Promise.all([
        printed<EventTrace>(system, 'trace', id),
        printed<DeadLetterEntry[]>(system, 'dead', 'list', '--status', 'resolved'),
      ]);
      assert.deepEqual(
        runs[0]!.steps.map(({ path, status: ended, version }) => [path, ended, version]),
        [
          ['first', 'done', 1],
          ['second', 'done', 2],
        ],
      );
      assert.equal(after?.id, letter.id);
      assert.equal(
        (await system.attempts()).filter(({ text }) => text === `first ${repository} v1`).length,
        1,
        'the first step was tried once',
      );
    },
  );

  await t.test('with --as-is the stored command runs again, and the run is finished', async () => {
    const repository = 'again/r1';
    const { id, letter } = await bury(system, repository);
    const redelivered = await printed<{ action: string }[]>(system, 'dead', 'redeliver', letter.id, '--as-is');
    assert.deepEqual(
      redelivered.map(({ action }) => action),
      ['message'],
    );
    await hasFate(system, id, 'done');
    assert.deepEqual(await textsAbout(system, repository), [`first ${repository} v1`, `broken ${repository} v1`]);
    const tries = (await system.attempts()).filter(({ text }) => text === `broken ${repository} v1`);
    assert.deepEqual(
      tries.map(({ status }) => status),
      [400, 200],
    );
    assert.equal(new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size, 1, 'it is the same effect');
    const again = await system.visapi('dead', 'redeliver', letter.id);
    assert.equal(again.code, 1);
    assert.equal((await textsAbout(system, repository)).length, 2);
  });

  await t.test('an edited one runs with its new payload as the same effect, and the run is finished', async () => {
    const repository = 'again/r2';
    const { id, letter } = await bury(system, repository);
    const patch = JSON.stringify([{ op: 'replace', path: '/text', value: `edited ${repository}` }]);
    await printed(system, 'dead', 'edit', letter.id, '--patch', patch);
    await hasFate(system, id, 'done');
    assert.deepEqual(await textsAbout(system, repository), [`first ${repository} v1`, `edited ${repository}`]);
    const tries = (await system.attempts()).filter(({ text }) => text === `edited ${repository}` || text === `broken ${repository} v1`);
    assert.deepEqual([tries.length, new Set(tries.map(({ idempotencyKey }) => idempotencyKey)).size], [2, 1]);
    const shown = await printed<ShownLetter>(system, 'dead', 'show', letter.id);
    assert.equal((JSON.parse(shown.payload.text) as { text: string }).text, `broken ${repository} v1`, 'the original stays');
  });
});
