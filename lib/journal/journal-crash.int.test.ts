import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import { scaled } from '../dev/test-scale.ts';
import type { FAIL_POINTS } from './fail-point.ts';
import { journalPath, offer, openTestJournal } from './test-journal.ts';

/**
 * A process that appends, answers and forgets is killed, again and again, in the same journal: at every fail-point between two steps
 * of the journal, and at any moment. No answered event may be missing, none may be there twice, and no number is given twice.
 */
const program = fileURLToPath(new URL('fixtures/appending-program.ts', import.meta.url));

/** Of the journal itself; the others lie in the acceptor and the relay. */
const POINTS = [
  'accept.before-transaction',
  'accept.written',
  'accept.committed',
  'relay.removed',
] as const satisfies (keyof typeof FAIL_POINTS)[];

const KILLS_PER_POINT = scaled({ day: 2, night: 9 });
const KILLS_AT_RANDOM = scaled({ day: 4, night: 16 });

interface Kill {
  readonly failPoint: string | undefined;
  /** After the first answer. */
  readonly afterMs: number | undefined;
}

/** What the process said before it died. */
interface Said {
  readonly answered: Map<string, number>;
  readonly forgotten: Set<number>;
}

/** As many as may be under way at once, so that transactions take several. */
const SENDERS = '8';

/** Each with its own file; a life is mostly the start of a process, and there are two processors. */
const JOURNALS = 2;

test('killed between any two steps and at any moment, the journal loses nothing that it answered and numbers nothing twice', async (t) => {
  const kills: Kill[] = [
    ...POINTS.flatMap((point) =>
      Array.from({ length: KILLS_PER_POINT }, (_, index) => ({ failPoint: `${point}:${1 + index * 7}`, afterMs: undefined })),
    ),
    ...Array.from({ length: KILLS_AT_RANDOM }, (_, index) => ({ failPoint: undefined, afterMs: (index * 37) % 100 })),
  ];
  const results = await Promise.all(
    Array.from({ length: JOURNALS }, (_, journal) =>
      liveAndDie(
        t,
        kills.filter((_kill, index) => index % JOURNALS === journal),
      ),
    ),
  );
  const sum = (field: keyof (typeof results)[number]) => results.reduce((total, result) => total + result[field], 0);
  assert.ok(sum('answered') > kills.length, `${sum('answered')} answers are too few to say anything`);
  t.diagnostic(`${kills.length} kills, ${sum('answered')} answered, ${sum('forgotten')} forgotten, ${sum('waiting')} wait`);
});

async function liveAndDie(t: TestContext, kills: readonly Kill[]): Promise<{ answered: number; forgotten: number; waiting: number }> {
  const path = journalPath(t);
  const said: Said = { answered: new Map(), forgotten: new Set() };
  for (const [index, kill] of kills.entries()) await live(t, path, `life${index}`, kill, said);

  const journal = await openTestJournal(t, path);
  const found = new Map<number, string>();
  for (const { number, emit } of journal.read(0, Number.MAX_SAFE_INTEGER)) found.set(number, emit.id);
  assert.equal(new Set(found.values()).size, found.size, 'an event is there twice');
  const numbers = new Map<number, string>();
  for (const [id, number] of said.answered) {
    assert.equal(numbers.get(number) ?? id, id, `number ${number} was given twice`);
    numbers.set(number, id);
    if (!said.forgotten.has(number)) assert.equal(found.get(number), id, `${id} was answered as ${number}`);
  }
  const again = await journal.append([...said.answered.keys()].map((id) => offer(id)));
  assert.ok(
    again.every(({ duplicate }) => duplicate),
    'an answered identity is not remembered',
  );
  return { answered: said.answered.size, forgotten: said.forgotten.size, waiting: found.size };
}

async function live(t: TestContext, path: string, name: string, kill: Kill, said: Said): Promise<void> {
  const child = spawn(process.execPath, [program, path, name, kill.failPoint ?? '', SENDERS], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  let isKillPlanned = kill.afterMs === undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!isKillPlanned) setTimeout(() => child.kill('SIGKILL'), kill.afterMs);
    isKillPlanned = true;
    // A line that was cut off by the kill is no answer.
    const [verb, id = '', number = ''] = line.split(' ');
    if (!line.endsWith(';')) continue;
    if (verb === 'answered') said.answered.set(id, Number(number.slice(0, -1)));
    // Told before it is done: from then on it may be gone.
    if (verb === 'forgetting') said.forgotten.add(Number(id.slice(0, -1)));
  }
  const [, signal] = (await ended) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', `${name} did not come to ${kill.failPoint ?? 'its kill'}`);
}
