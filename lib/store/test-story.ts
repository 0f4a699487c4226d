import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { DeadLetter, SettleBatch, UnitLease } from '../actor/record-port.ts';
import type { EventRow, RunRow, StepRow, WorkflowRow } from '../workflow/row.ts';
import type { Database } from './database.ts';
import { findDeadLetter } from './dead-letters.ts';
import type { RecordStore } from './record-store.ts';
import { redeliverMessage } from './redeliver.ts';
import { planRedelivery, type RedeliveryPlan } from './redelivery-plan.ts';
import { EMPTY, LEASE_MS, openStore } from './test-store.ts';
import { createTraceReader, type TraceReader } from './trace.ts';

export const AT = '2026-11-22T10:00:00.000Z';
export const LATER = '2026-11-22T10:00:01.000Z';
export const COMMAND = 'run/notify';
export const EFFECT = `${COMMAND}/send`;
export const LETTER = `slack:${COMMAND}:0`;
export const AS_USUAL = { asIs: false, force: false, isBulk: false };

export const EVENT: EventRow = {
  kind: 'event',
  id: 'event',
  stream: 'EVENTS',
  seq: 7,
  source: 'github',
  type: 'release.published',
  key: 'A',
  priority: 'default',
  receivedAt: AT,
  size: 12,
  fate: 'routed',
};
export const RUN: RunRow = {
  kind: 'run',
  id: 'run',
  workflow: 'w',
  version: 1,
  eventId: 'event',
  eventStream: 'EVENTS',
  eventSeq: 7,
  key: 'A',
  priority: 'default',
  status: 'running',
  startedAt: AT,
  endedAt: null,
  error: null,
};
export const STEP: StepRow = {
  kind: 'step',
  run: 'run',
  path: 'notify',
  position: 0,
  type: 'slack.send',
  status: 'waiting',
  commandId: COMMAND,
  generation: '',
  version: 1,
  reason: null,
  output: null,
  error: null,
  deadLetterId: null,
  startedAt: AT,
  dueAt: null,
  endedAt: null,
};
export const FAILED = { reason: 'refused', because: 'invalid_blocks' };
export const DONE_ROWS = [
  { ...RUN, status: 'done', endedAt: LATER },
  { ...STEP, status: 'done', endedAt: LATER, output: { ts: '1' } },
] as const satisfies WorkflowRow[];
export const FAILED_ROWS = [
  { ...RUN, status: 'failed', endedAt: LATER, error: FAILED },
  { ...STEP, status: 'failed', endedAt: LATER, error: FAILED, deadLetterId: LETTER },
] as const satisfies WorkflowRow[];

/** One event, its run with one step, and what may become of them. */
export class Story {
  readonly database: Database;
  readonly natsUrl: string;
  readonly store: RecordStore;
  readonly trace: TraceReader;
  readonly slack: UnitLease;
  readonly workflow: UnitLease;

  constructor(database: Database, natsUrl: string, store: RecordStore, leases: readonly UnitLease[]) {
    this.database = database;
    this.natsUrl = natsUrl;
    this.store = store;
    this.trace = createTraceReader(database);
    this.workflow = leases.find(({ actor }) => actor === 'workflow')!;
    this.slack = leases.find(({ actor }) => actor === 'slack')!;
  }

  async turn(...rows: WorkflowRow[]): Promise<void> {
    await this.settle({ rows: rows.map((row) => ({ unit: this.workflow, row })) });
  }

  async settle(batch: Partial<SettleBatch>): Promise<void> {
    assert.deepEqual(await this.store.settle({ ...EMPTY, ...batch }), { refused: [] });
  }

  /** A command is claimed. */
  async claim(): Promise<unknown> {
    const address = { stream: 'COMMANDS', seq: 3, priority: 'default', key: '["#a","A"]' } as const;
    const [answer] = await this.store.claim([
      { unit: this.slack, id: EFFECT, messageId: COMMAND, name: 'send', token: crypto.randomUUID(), onUnknown: 'hold', ...address },
    ]);
    return answer;
  }

  async die(more: Partial<DeadLetter> = {}): Promise<void> {
    const letter: DeadLetter = {
      unit: this.slack,
      id: LETTER,
      messageId: COMMAND,
      round: 0,
      eventKey: 'A',
      key: '["#a","A"]',
      priority: 'default',
      reason: 'refused',
      because: 'invalid_blocks',
      detail: { status: 400 },
      history: [
        {
          attempt: 1,
          at: AT,
          because: 'invalid_blocks',
        },
      ],
      stream: 'COMMANDS',
      seq: 3,
      run: 'run',
      step: 'notify',
      at: AT,
      ...more,
    };
    const copy = {
      unit: letter.unit,
      id: letter.id,
      subject: 'dead.slack.refused',
      key: 'A',
      headers: {},
      copyOf: { stream: letter.stream, seq: letter.seq },
    };
    await this.settle({ deadLetters: [letter], outbox: [copy] });
    await this.settle({ published: [{ unit: letter.unit, id: letter.id, seq: 11 + letter.round }] });
  }

  async fate(): Promise<string> {
    const found = await this.trace.byId('event');
    assert.ok(found);
    return [found.fate.kind, ...found.fate.details].join(' | ');
  }

  async plan(id = LETTER, options = AS_USUAL): Promise<RedeliveryPlan> {
    const letter = await findDeadLetter(this.database, id);
    assert.ok(letter);
    return await planRedelivery(this.database, letter, options);
  }

  async redeliver(): Promise<boolean> {
    const plan = await this.plan();
    assert.equal(plan.kind, 'message');
    return plan.kind === 'message' && (await redeliverMessage(this.database, { plan, stream: 'DEAD_LETTERS', delayMs: 0, who: 'ada' }));
  }
}

export async function openStory(t: TestContext): Promise<Story> {
  const { store, database, natsUrl } = await openStore(t);
  const units = [
    { actor: 'workflow', partition: 0 },
    { actor: 'slack', partition: 0 },
  ];
  return new Story(database, natsUrl, store, await store.acquire('one', units, LEASE_MS));
}
