import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { compileText } from './compile.ts';
import type { CompiledWorkflow } from './compile.ts';
import { eventTurn } from './event-turn.ts';
import type { Turn } from './turn.ts';

interface Example {
  readonly action: string;
  readonly release: Record<string, unknown>;
}

const AT = '2026-01-02T03:04:05.000Z';
const folder = new URL('../../examples/', import.meta.url);
const workflow = await compiled('github-release-to-slack.yaml');

async function compiled(file: string): Promise<CompiledWorkflow> {
  const result = compileText(await readFile(new URL(file, folder), 'utf8'), 1);
  assert.ok(result.kind === 'right');
  return result.value.compiled;
}

/** GitHub's own payloads, of github.com and of GitHub Enterprise Server. */
async function releases(edition: string): Promise<Example[]> {
  const file = new URL(import.meta.resolve(`@octokit/webhooks-examples/${edition}/index.json`));
  const all: unknown = JSON.parse(await readFile(file, 'utf8'));
  return (all as { name: string; examples: Example[] }[]).find(({ name }) => name === 'release')?.examples ?? [];
}

function turnOn(payload: unknown): Turn {
  const event = {
    id: 'e',
    source: 'github',
    type: 'release.published',
    key: 'o/r',
    priority: 'default',
    stream: 'EVENTS',
    seq: 1,
  } as const;
  const rest = { time: AT, receivedAt: AT, traceparent: null, hops: 0, onlyFor: null, body: Buffer.from(JSON.stringify(payload)) };
  return eventTurn({ event: { ...event, ...rest }, workflows: [workflow], existing: new Set(), at: AT });
}

function messageOn(payload: unknown): {
  channel: string;
  text: string;
  blocks: { type: string; text?: { text: string }; elements?: { text: string }[] }[];
} {
  const turn = turnOn(payload);
  assert.ok(turn.kind === 'recorded' && turn.commands.length === 1, JSON.stringify(turn));
  return turn.commands[0]!.body as ReturnType<typeof messageOn>;
}

for (const edition of ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'])
  test(`the release example makes a whole message of every release payload of ${edition}`, async () => {
    const examples = await releases(edition);
    assert.ok(examples.length > 0);
    for (const example of examples) {
      const { channel, text, blocks } = messageOn(example);
      assert.equal(channel, '#releases');
      assert.match(text, /^\S+\/\S+ \S+ is out: https:\/\/\S+$/);
      const texts = blocks
        .flatMap((block) => [block.text?.text, ...(block.elements ?? []).map((element) => element.text)])
        .filter((part) => part !== undefined);
      assert.equal(texts.length, 3);
      for (const part of texts) assert.ok(part.length > 0 && part.length <= 3_000 && !/undefined|null|\[object|\{\{/.test(part), part);
      assert.match(texts.join('\n'), /0\.0\.1.*(A release|A pre-release) of <https:.*by \S+ on \d{4}-\d\d-\d\d/s);
    }
  });

test('what a stranger writes into a release neither calls anybody nor breaks the limits', async () => {
  const [example] = await releases('api.github.com');
  assert.ok(example);
  const hostile = {
    ...example.release,
    name: `<!channel>|${'<&>'.repeat(300)}`,
    body: `<!here> & <@U1> ${'<'.repeat(9_000)}`,
    tag_name: '<!everyone>',
  };
  const { text, blocks } = messageOn({ ...example, release: hostile });
  assert.doesNotMatch(JSON.stringify([text, blocks]), /<[!@#]/);
  for (const block of blocks) assert.ok((block.text?.text.length ?? 0) <= 3_000, String(block.text?.text.length));
});

test('a draft is no release', async () => {
  const [example] = await releases('api.github.com');
  assert.ok(example);
  const turn = turnOn({ ...example, release: { ...example.release, draft: true } });
  assert.equal(turn.kind === 'recorded' && turn.commands.length, 0);
});
