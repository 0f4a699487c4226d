// Runs of two steps while each program in turn is killed between the first step and the second.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isNight, scaled } from '../lib/dev/test-scale.ts';
import { DEMO_MAIL_ACCOUNT } from '../lib/sink/mail-account.ts';
import { type ProgramName } from '../lib/dev/system-programs.ts';
import { isReady, openSystem, until, type SystemBed } from './system-bed.ts';

const RUNS = scaled({ day: 24, night: 200 });
/** How often each program is killed. */
const TURNS = scaled({ day: 1, night: 5 });
const PROGRAMS: readonly ProgramName[] = ['ingest', 'processor', 'notifier'];
/** So slow that the last runs of a turn are not accepted yet when the first one is at its second step. */
const PACE_MS = 50;
/** Slack tells one message of a channel after the other, the mail server many at once: so a run is between its steps for this long. */
const SLACK_MS = 20;
const MAIL_MS = 400;
/** From the moment at which a run was seen between its steps: from before its second one is sent to after it is answered. */
const LATEST_KILL_MS = 550;
/** A program is gone for a second or more on a busy machine, and its leases for some seconds more. */
const ENDS_WITHIN_MS = 60_000;

const NAME = '{{ event.data.repository.full_name }} {{ event.data.release.tag_name }}';
const MAIL = {
  uses: 'email.send',
  'on-unknown': 'repeat',
  with: { to: 'run-{{ event.data.release.tag_name }}@example.org', subject: NAME, text: NAME },
};
const on = (owner: string): object => ({
  event: 'release.published',
  source: 'github',
  if: `event.data.repository.full_name.startsWith("${owner}/")`,
});

/** The first word of a key chooses the workflow. */
const WORKFLOWS = {
  talk: {
    name: 'talk-then-mail',
    on: on('talk'),
    steps: [
      { id: 'first', uses: 'slack.send', 'on-unknown': 'repeat', with: { channel: '#releases', text: NAME } },
      { id: 'second', ...MAIL },
    ],
  },
  // Where documents are rendered the processor's end is a browser's end, too. A start of one is a second of work.
  paper: {
    name: 'paper-then-mail',
    on: on('paper'),
    steps: [
      {
        id: 'first',
        uses: 'document.render',
        with: {
          template: 'receipt',
          data: {
            number: NAME,
            customer: 'Ada',
            phone: '',
            paidAt: '2026-11-20T10:00:00Z',
            timeZone: 'UTC',
            currency: 'EUR',
            total: '7',
            items: '[]',
          },
        },
      },
      {
        id: 'second',
        ...MAIL,
        with: {
          ...MAIL.with,
          attachments: [{ document: '{{ steps.first.output.documentId }}', filename: '{{ steps.first.output.filename }}' }],
        },
      },
    ],
  },
};
const OWNERS: readonly (keyof typeof WORKFLOWS)[] = scaled({ day: ['talk'], night: ['talk', 'paper'] });

interface Sent {
  readonly owner: keyof typeof WORKFLOWS;
  /** What its messages say, and nobody else's. */
  readonly name: string;
}

/** As a provider sends: the same delivery again until it is acknowledged. */
async function sendOne(system: SystemBed, number: number, acknowledged: Map<string, Sent>): Promise<void> {
  const owner = OWNERS[number % OWNERS.length]!;
  const release = { repository: `${owner}/r${number % 8}`, tag: `${number}`, delivery: randomUUID() };
  for (;;) {
    const answer = await system.post(release).catch(() => undefined);
    if (answer?.status === 202) return void acknowledged.set(answer.id, { owner, name: `${release.repository} ${release.tag}` });
    await wait(50);
  }
}

async function count(system: SystemBed, text: string): Promise<number> {
  const [row] = await system.database.query<{ count: string }>({ text: `select count(*) as count from ${text}` });
  return Number(row?.count);
}

/** Kills it while some run has its first step recorded as done and its second not, and waits until it is there again. */
async function killBetweenSteps(system: SystemBed, name: ProgramName, turn: number): Promise<void> {
  const program = system.programs[name];
  // One effect interrupted twice would be held, and its run with it.
  await until('what was repeated is settled', async () => (await count(system, `effects where state = 'claimed' and repeats > 0`)) === 0);
  await until(
    'a run is between its steps',
    async () =>
      (await count(system, `runs r join steps s on s.run = r.id where r.status = 'running' and s.path = 'first' and s.status = 'done'`)) >
      0,
    ENDS_WITHIN_MS,
  );
  // Spread evenly, whatever the number of turns: each is the last one and the golden section of all.
  await wait(((0.5 + turn * 0.618) % 1) * LATEST_KILL_MS);
  const { pid } = program;
  assert.ok(pid !== undefined, `${name} runs`);
  process.kill(pid, 'SIGKILL');
  await until(
    `${name} is there again`,
    async () => program.pid !== undefined && program.pid !== pid && (await isReady(program.readyUrl)),
    ENDS_WITHIN_MS,
  );
}

interface Effect {
  readonly id: string;
  readonly state: string;
  readonly repeats: number;
  readonly ended_at: Date;
}

test(`each program is killed ${TURNS} times in the middle of ${RUNS} runs of two steps: each run ends, and what is recorded as done is not done again`, async (t) => {
  const workflows = OWNERS.map((owner) => JSON.stringify(WORKFLOWS[owner]));
  const system = await openSystem(t, workflows, { mail: DEMO_MAIL_ACCOUNT, ...(isNight ? { documents: true } : {}) });
  await system.behave({ match: { kind: 'slack' }, times: 1_000_000, answer: { delayMs: SLACK_MS } });
  await system.behave({ match: { kind: 'email' }, times: 1_000_000, answer: { delayMs: MAIL_MS } });
  const acknowledged = new Map<string, Sent>();
  const turns = Array.from({ length: TURNS }, () => PROGRAMS).flat();
  let number = 0;
  for (const [turn, name] of turns.entries()) {
    const sending: Promise<void>[] = [];
    const killed = killBetweenSteps(system, name, turn);
    for (const last = Math.round((RUNS * (turn + 1)) / turns.length); number < last; number++) {
      sending.push(sendOne(system, number, acknowledged));
      await wait(PACE_MS);
    }
    await Promise.all([killed, ...sending]);
  }
  await until('every run is done', async () => (await count(system, `runs where status = 'done'`)) >= RUNS, ENDS_WITHIN_MS).catch(
    async (error: unknown) => {
      t.diagnostic(`${await count(system, 'runs')} runs, ${await count(system, `effects where state = 'held'`)} held`);
      throw error;
    },
  );

  assert.equal(acknowledged.size, RUNS);
  assert.equal(await count(system, 'runs'), RUNS, 'one run for each event');
  const runs = await system.database.query<{ id: string; event: string; steps: string }>({
    text: `select r.id, r.event_id as event, (select count(*) from steps s where s.run = r.id and s.status = 'done') as steps from runs r`,
  });
  const effects = new Map(
    (await system.database.query<Effect>({ text: 'select id, state, repeats, ended_at from effects' })).map((effect) => [
      effect.id,
      effect,
    ]),
  );
  const attempts = await system.attempts();
  const seen = { sent: 0, repeated: 0, twice: 0 };
  for (const { id, event, steps } of runs) {
    const { owner, name } = acknowledged.get(event)!;
    assert.equal(Number(steps), 2, `${name} has both steps done`);
    const told =
      owner === 'talk'
        ? [
            ['first', 'slack'],
            ['second', 'smtp'],
          ]
        : [['second', 'smtp']];
    for (const [step, via] of told) {
      const what = `${name}, ${step}`;
      const effect = effects.get(`${id}/${step}/send`);
      const sent = attempts.filter((attempt) => attempt.text === name && (attempt.via === 'smtp') === (via === 'smtp'));
      assert.equal(effect?.state, 'done', `${what} is recorded`);
      // Where the ledger could not know, the step says `repeat`: it may have happened twice, and only there.
      assert.ok(
        sent.length >= 1 && sent.length <= 1 + effect.repeats,
        `${what}: sent ${sent.length} times, repeated ${effect.repeats} times`,
      );
      for (const { at } of sent)
        assert.ok(
          Date.parse(at) <= effect.ended_at.getTime(),
          `${what}: sent at ${at}, recorded as done at ${effect.ended_at.toISOString()}`,
        );
      seen.sent += sent.length;
      seen.repeated += effect.repeats;
      seen.twice += sent.length - 1;
    }
  }
  assert.equal(attempts.length, seen.sent, 'nothing else was sent');
  t.diagnostic(
    `${turns.length} kills, ${RUNS} runs, ${seen.sent} sent, ${seen.repeated} repeated because nobody knew, ${seen.twice} arrived twice`,
  );
});
