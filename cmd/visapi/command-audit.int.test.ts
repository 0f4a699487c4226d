import assert from 'node:assert/strict';
import test from 'node:test';
import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { failureId, resultId } from '../../lib/core/identity.ts';
import { auditCommands, type CommandSums } from '../../lib/host/command-audit.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { openStory, RUN, STEP } from '../../lib/store/test-story.ts';
import { COMMAND_LOG } from '../../streams/command-log.ts';
import { commandsStream } from '../../streams/commands.ts';
import { eventsStream } from '../../streams/events.ts';
import { commandSubject } from '../../streams/subjects.ts';

test('every step that waits is found where it waits, every sequence in its lane, and what somebody has taken away is told', async (t) => {
  const story = await openStory(t);
  const connection = await connectBroker({ url: story.natsUrl, name: 'test' });
  const publisher = createPublisher(connection);
  t.after(async () => {
    await publisher.stop(1_000);
    await connection.close();
  });
  for (const stream of [eventsStream, commandsStream]) {
    const config = stream({ maxBytes: 16 * 1024 ** 2 });
    await requestApi(connection, `$JS.API.STREAM.CREATE.${config.name}`, config, 30_000);
  }
  const { slack, workflow: unit, database } = story;
  const audit = async (): Promise<{ sums: CommandSums; told: string[] }> => {
    const told: string[] = [];
    const onUnaccounted = ({ what, where, count }: { what: string; where: string; count: number }): void =>
      void told.push(`${what} ${count}: ${where}`);
    const sums = await auditCommands({ connection, database, log: COMMAND_LOG, onUnaccounted });
    return { sums, told: told.toSorted((a, b) => a.localeCompare(b)) };
  };
  const message = (actor: string, id: string, run: string): Emit => ({
    id,
    subject: commandSubject({ priority: 'default', slot: 0, actor }),
    key: 'A',
    headers: { [HEADERS.run]: run, [HEADERS.step]: 'notify' },
    body: Buffer.from('{}'),
  });
  const publish = async (emit: Emit): Promise<number> => (await publisher.publish(emit, AbortSignal.timeout(30_000))).seq;
  const open = (run: string, more: object = {}) => story.turn({ ...RUN, id: run }, { ...STEP, run, commandId: `${run}/notify`, ...more });
  const floorOf = (lease: typeof slack, floor: number, highest = floor, open: number[] = []) =>
    story.settle({ lanes: [{ unit: lease, stream: 'COMMANDS', priority: 'default', floor, highest, open, consumerCreated: null }] });

  // One run for each place in which a step may wait.
  const runs = [
    'in-lane',
    'outbox',
    'result-outbox',
    'delay',
    'parked',
    'result-parked',
    'held',
    'result',
    'failure',
    'timer',
    'result-dead',
  ];
  for (const run of runs) await open(run);
  await story.turn({ ...RUN, id: 'done', status: 'done' }, { ...STEP, run: 'done', commandId: 'done/notify', status: 'done' });
  const command = (run: string): string => `${run}/notify`;
  const parked = {
    unit: slack,
    stream: 'COMMANDS',
    priority: 'default',
    key: 'A',
    attempts: 1,
    dueAt: null,
    because: 'x',
    history: [],
  } as const;
  const letter = { unit, round: 0, eventKey: 'A', key: 'A', priority: 'default', reason: 'invalid', because: 'x', detail: null } as const;
  await story.settle({
    outbox: [
      { unit, ...message('slack', command('outbox'), 'outbox') },
      { unit: slack, ...message('workflow', resultId(command('result-outbox')), 'result-outbox') },
      { unit, ...message('workflow', command('delay'), 'delay'), dueAt: Date.now() + 1e9 },
    ],
    parked: [
      { ...parked, seq: 101, messageId: command('parked') },
      { ...parked, unit, seq: 102, messageId: resultId(command('result-parked')) },
    ],
    deadLetters: [
      {
        ...letter,
        id: 'd',
        messageId: resultId(command('result-dead')),
        history: [],
        stream: 'COMMANDS',
        seq: 9,
        run: 'result-dead',
        step: 'notify',
        at: RUN.startedAt,
      },
    ],
  });
  const claim = { unit: slack, id: 'held/notify/send', messageId: command('held'), name: 'send', token: 't', onUnknown: 'hold' } as const;
  await story.store.claim([{ ...claim, stream: 'COMMANDS', seq: 1, priority: 'default', key: 'A' }]);
  await story.settle({ effects: [{ unit: slack, id: claim.id, state: 'held' }] });
  // 1 and 2 are settled, the others are on their way.
  await publish(message('slack', command('done'), 'done'));
  await publish(message('slack', command('held'), 'held'));
  await publish(message('slack', command('in-lane'), 'in-lane'));
  await publish(message('workflow', resultId(command('result')), 'result'));
  await publish(message('workflow', failureId(command('failure'), 0), 'failure'));
  await publish(message('workflow', command('timer'), 'timer'));
  await floorOf(slack, 2);
  const whole = await audit();
  assert.deepEqual(whole.told, []);
  assert.deepEqual(whole.sums, {
    firstSeq: 1,
    lastSeq: 6,
    messages: 6,
    lanes: [
      { actor: 'slack', priority: 'default', partition: 0, messages: 3, settled: 2 },
      { actor: 'workflow', priority: 'default', partition: null, messages: 3, settled: 0 },
    ],
  });

  await t.test('where what brings it on is taken away, the step is named', async () => {
    await database.query({ text: `delete from outbox where id = 'outbox/notify'` });
    await database.query({ text: 'delete from timers' });
    await database.query({ text: `delete from parked where message_id = 'parked/notify'` });
    await database.query({ text: `update effects set state = 'done'` });
    await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.COMMANDS', { seq: 3, no_erase: true }, 30_000);
    // Settled, and the step does not know of it.
    await floorOf(unit, 4);
    await database.query({ text: `delete from steps where run = 'timer'` });
    await database.query({ text: `delete from steps where run = 'done'` });
    assert.deepEqual((await audit()).told, [
      'deleted 1: COMMANDS 3',
      'stranded 1: run delay, step notify (command delay/notify)',
      'stranded 1: run held, step notify (command held/notify)',
      'stranded 1: run in-lane, step notify (command in-lane/notify)',
      'stranded 1: run outbox, step notify (command outbox/notify)',
      'stranded 1: run parked, step notify (command parked/notify)',
      'stranded 1: run result, step notify (command result/notify)',
      'stranded 1: run timer (no step of it waits)',
      'unrecorded 1: done/notify (COMMANDS 1)',
    ]);
  });

  await t.test('a consumer that was moved past what nobody has settled is told, with the sequences', async () => {
    await database.query({ text: 'delete from runs' });
    for (let n = 0; n < 4; n += 1) await publish(message('slack', `more-${n}`, ''));
    const config = { durable_name: 'slack-default-0', ack_policy: 'explicit', filter_subject: message('slack', '', '').subject };
    await requestApi(connection, '$JS.API.CONSUMER.CREATE.COMMANDS.slack-default-0', { stream_name: 'COMMANDS', config }, 30_000);
    await floorOf(slack, 7, 9, [8]);
    const reset = (seq: number) => requestApi(connection, '$JS.API.CONSUMER.RESET.COMMANDS.slack-default-0', { seq }, 30_000);
    const skipped = async () => (await audit()).told.filter((line) => line.startsWith('skipped'));
    // As its owner points it.
    await reset(8);
    assert.deepEqual(await skipped(), []);
    await reset(11);
    assert.deepEqual(await skipped(), ['skipped 2: COMMANDS 8 to 10 by consumer slack-default-0']);
    await floorOf(slack, 10);
    assert.deepEqual(await skipped(), []);
  });
});
