import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { Emit } from '../../lib/actor/message.ts';
import { HEADERS } from '../../lib/core/headers.ts';
import { spanFrom } from '../../lib/core/settled-span.ts';
import { poll } from '../../lib/dev/poll.ts';
import { startContinuousAudit } from '../../lib/host/continuous-audit.ts';
import { requestApi } from '../../lib/jetstream/api-request.ts';
import { connectBroker } from '../../lib/jetstream/connection.ts';
import { createPublisher } from '../../lib/jetstream/publisher.ts';
import { EVENT, openStory, RUN, STEP } from '../../lib/store/test-story.ts';
import { auditMetrics } from '../../lib/telemetry/audit-metrics.ts';
import { COMMAND_LOG } from '../../streams/command-log.ts';
import { commandsStream } from '../../streams/commands.ts';
import { EVENT_LOG } from '../../streams/event-log.ts';
import { eventsStream } from '../../streams/events.ts';
import { commandSubject, eventSubject } from '../../streams/subjects.ts';

test('the audit that runs all the time counts what it cannot find, waits for what is not settled, and takes back what came late', async (t) => {
  const story = await openStory(t);
  const connection = await connectBroker({ url: story.natsUrl, name: 'test' });
  const publisher = createPublisher(connection);
  await requestApi(connection, '$JS.API.STREAM.CREATE.EVENTS', eventsStream({ maxBytes: 16 * 1024 ** 2 }), 30_000);
  await requestApi(connection, '$JS.API.STREAM.CREATE.COMMANDS', commandsStream({ maxBytes: 16 * 1024 ** 2 }), 30_000);
  const metrics = auditMetrics(new Registry());
  const told: string[] = [];
  const now = (): string => new Date().toISOString();
  const audit = startContinuousAudit({
    connection,
    database: story.database,
    log: EVENT_LOG,
    commands: COMMAND_LOG,
    settledInMs: 0,
    logger: { warn: () => undefined, error: ({ kind, where }: { kind: string; where: string }) => void told.push(`${kind} ${where}`) },
    metrics,
    intervalMs: 20,
    onItsWayMs: 0,
  });
  t.after(async () => {
    await audit.stop();
    await publisher.stop(1_000);
    await connection.close();
  });
  const subject = eventSubject({ priority: 'default', slot: 0, source: 'github', type: 'release' });
  const publish = async (id: string, number: number): Promise<void> => {
    const headers = { [HEADERS.journal]: `j:${number}` };
    await publisher.publish({ id, subject, key: 'A', headers, body: Buffer.from('{}') }, AbortSignal.timeout(30_000));
  };
  const record = (id: string, seq: number) => story.turn({ ...EVENT, id, seq, fate: 'unrouted' });
  const settleTo = (floor: number) =>
    story.settle({
      lanes: [{ unit: story.workflow, stream: 'EVENTS', priority: 'default', ...spanFrom(floor), consumerCreated: null }],
    });
  const counted = async (kind: string): Promise<number | undefined> =>
    (await metrics.unaccounted.get()).values.find(({ labels }) => labels.kind === kind)?.value;
  const until = (kind: string, count: number, ...lines: readonly string[]) =>
    poll(async () => ((await counted(kind)) === count && lines.every((line) => told.includes(line)) ? true : undefined), {
      deadlineMs: 30_000,
      what: `${count} ${kind}: ${lines.join(', ')}`,
    });

  await audit.begun;
  await publish('first', 1);
  await publish('second', 2);
  await publish('fourth', 4);
  await record('first', 1);
  await record('fourth', 3);
  await settleTo(3);
  await until('unrecorded', 1, 'unrecorded second (sequence 2)');
  await until('missing', 1, 'missing journal j, number 3');

  await publish('third', 3);
  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.EVENTS', { seq: 1, no_erase: true }, 30_000);
  await publish('fifth', 5);
  assert.equal(await counted('missing'), 1, 'what is not settled is not judged');
  await record('third', 4);
  await settleTo(4);
  await until('missing', 0);
  assert.deepEqual([await counted('unrecorded'), await counted('deleted'), await counted('lost')], [1, 0, 0]);

  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.EVENTS', { seq: 5, no_erase: true }, 30_000);
  await publish('sixth', 6);
  await record('sixth', 6);
  await settleTo(6);
  await until('deleted', 1, 'deleted 5');

  // A run that has begun since, whose command never came to the log; and one whose command is there.
  const command = (run: string): Emit => ({
    id: `${run}/notify`,
    subject: commandSubject({ priority: 'default', slot: 0, actor: 'slack' }),
    key: 'A',
    headers: { [HEADERS.run]: run, [HEADERS.step]: 'notify' },
    body: Buffer.from('{}'),
  });
  for (const run of ['there', 'nowhere'])
    await story.turn({ ...RUN, id: run, startedAt: now() }, { ...STEP, run, commandId: `${run}/notify`, startedAt: now() });
  await publisher.publish(command('there'), AbortSignal.timeout(30_000));
  await until('stranded', 1, 'stranded run nowhere, step notify (command nowhere/notify)');

  // A hole in the log of commands, and a consumer that was moved past what nobody has settled.
  for (const run of ['next', 'last']) await publisher.publish(command(run), AbortSignal.timeout(30_000));
  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.COMMANDS', { seq: 2, no_erase: true }, 30_000);
  await until('deleted', 2);
  const config = { durable_name: 'slack-default-0', ack_policy: 'explicit', filter_subject: command('next').subject };
  await requestApi(connection, '$JS.API.CONSUMER.CREATE.COMMANDS.slack-default-0', { stream_name: 'COMMANDS', config }, 30_000);
  const lane = { unit: story.slack, stream: 'COMMANDS', priority: 'default', consumerCreated: null } as const;
  await story.settle({ lanes: [{ ...lane, ...spanFrom(1) }] });
  await requestApi(connection, '$JS.API.CONSUMER.RESET.COMMANDS.slack-default-0', { seq: 4 }, 30_000);
  await until('skipped', 1, 'skipped COMMANDS 3 by consumer slack-default-0');
  await story.settle({ lanes: [{ ...lane, ...spanFrom(3) }] });
  await until('skipped', 0);
});
