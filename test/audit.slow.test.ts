import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Audit } from '../cmd/visapi/conservation-audit.ts';
import { HEADERS } from '../lib/core/headers.ts';
import { keepAlive } from '../lib/dev/keep-alive.ts';
import { requestApi } from '../lib/jetstream/api-request.ts';
import { connectBroker } from '../lib/jetstream/connection.ts';
import { scanLog } from '../lib/jetstream/log-scan.ts';
import { releaseWorkflow } from '../lib/dev/release-events.ts';
import { SLACK_LANES } from '../streams/actors.ts';
import { COMMAND_LOG } from '../streams/command-log.ts';
import { openSystem, until } from './system-bed.ts';

/** Seven and their results, each settled in its lane. */
const COMMANDS = 14;

test('the audit finds every accepted event, and says what is missing where somebody has taken it away', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('octo', 'repeat')]);
  const audit = async (): Promise<{ code: number; found: Audit }> => {
    const { code, stdout } = await system.visapi('audit', '--json');
    return { code, found: JSON.parse(stdout) as Audit };
  };
  const ids: string[] = [];
  for (let number = 0; number < 6; number++) ids.push((await system.post({ repository: `octo/r${number}`, tag: 'v1' })).id);
  for (let number = 0; number < 2; number++) ids.push((await system.post({ repository: `other/r${number}`, tag: 'v1' })).id);
  await system.behave({ match: { textIncludes: 'octo/dead' }, answer: { status: 400, body: 'invalid_blocks' } });
  ids.push((await system.post({ repository: 'octo/dead', tag: 'v1' })).id);

  let last: Audit | undefined;
  await until('everything has ended', async () => {
    last = (await audit()).found;
    const areSettled = last.lanes.every(({ messages, settled }) => messages === settled);
    return last.log.messages === ids.length && last.events.waiting === 0 && last.commands.messages === COMMANDS && areSettled;
  });
  const { log, commands, lanes, events, journals, unaccounted } = last!;
  assert.deepEqual(unaccounted, []);
  assert.deepEqual([events.done, events.unrouted, events['dead-lettered']], [6, 2, 1]);
  assert.deepEqual([log.firstSeq, log.lastSeq], [1, ids.length]);
  assert.deepEqual(
    journals.map(({ inLog, waiting, missing }) => [inLog, waiting, missing]),
    [[ids.length, 0, []]],
  );
  assert.equal(commands.messages, COMMANDS);
  assert.deepEqual(sumOf(lanes), { 'COMMANDS slack': [7, 7], 'COMMANDS workflow': [7, 7], 'EVENTS workflow': [ids.length, ids.length] });
  assert.equal((await audit()).code, 0);
  const people = await system.visapi('audit');
  assert.match(people.stdout, /Every accepted event is accounted for/);

  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  t.after(() => connection.close());
  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.EVENTS', { seq: 3, no_erase: true }, 30_000);
  await system.database.query({ text: 'delete from events where id = $1', values: [ids[0]] });
  await system.database.query({ text: 'delete from steps where run in (select id from runs where event_id = $1)', values: [ids[1]] });
  await system.database.query({ text: 'delete from runs where event_id = $1', values: [ids[1]] });
  // The outcome of a command alone.
  await system.database.query({ text: 'delete from steps where run in (select id from runs where event_id = $1)', values: [ids[3]] });
  const { code, found } = await audit();
  assert.equal(code, 1);
  const commandOf = async (event: string | undefined): Promise<string> => {
    for await (const chunk of scanLog(connection, { stream: 'COMMANDS', filter: 'commands.*.*.slack' }))
      for (const message of chunk)
        if (message.header(HEADERS.event) === event) return `${message.header(HEADERS.id)} (COMMANDS ${message.seq})`;
    return 'none';
  };
  const unrecorded = [`${ids[0]} (sequence 1)`, await commandOf(ids[1]), await commandOf(ids[3])];
  assert.deepEqual(
    found.unaccounted
      .toSorted((a, b) => a.what.localeCompare(b.what))
      .map(({ what, count, examples }) => [what, count, examples.toSorted((a, b) => a.localeCompare(b))]),
    [
      ['deleted', 1, ['3']],
      ['lost', 1, [`${ids[1]} (sequence 2)`]],
      ['missing', 1, [`journal ${journals[0]!.id}, number 3`]],
      ['unrecorded', 3, [...unrecorded].toSorted((a, b) => a.localeCompare(b))],
    ],
  );
});

test('a command that is deleted behind our back leaves a step that the audit names, and a consumer that is moved by hand is told while nobody is there', async (t) => {
  const system = await openSystem(t, [releaseWorkflow('octo', 'repeat')], { only: ['ingest', 'processor'] });
  const connection = await connectBroker({ url: system.broker.url, name: 'test' });
  t.after(() => connection.close());
  const audit = async (): Promise<Audit> => JSON.parse((await system.visapi('audit', '--json')).stdout) as Audit;
  const commands = async (): Promise<{ seq: number; id: string; run: string; subject: string }[]> => {
    const found = [];
    for await (const chunk of scanLog(connection, { stream: 'COMMANDS', filter: 'commands.*.*.slack' }))
      for (const message of chunk)
        found.push({ seq: message.seq, id: message.header(HEADERS.id), run: message.header(HEADERS.run), subject: message.subject });
    return found;
  };
  const post = async (from: number, to: number): Promise<void> => {
    for (let number = from; number < to; number++) await system.post({ repository: `octo/r${number}`, tag: 'v1' });
    await until(`${to} commands are there`, async () => (await commands()).length >= (from === 0 ? to : to - 1));
  };
  const quiet = { onDown: () => undefined, onUp: () => undefined, onHopeless: () => undefined };

  await post(0, 3);
  assert.deepEqual((await audit()).unaccounted, [], 'what waits for an actor that does not run is where it should be');
  const [, gone] = await commands();
  await requestApi(connection, '$JS.API.STREAM.MSG.DELETE.COMMANDS', { seq: gone!.seq, no_erase: true }, 30_000);
  const first = await keepAlive(system.programs.notifier, quiet);
  t.after(() => first.stop());
  await until('the others are sent', async () => (await audit()).events.done === 2);
  const lost = [
    { what: 'deleted', count: 1, examples: [`COMMANDS ${gone!.seq}`] },
    { what: 'stranded', count: 1, examples: [`run ${gone!.run}, step tell (command ${gone!.id})`] },
  ];
  assert.deepEqual((await audit()).unaccounted, lost);

  await first.stop();
  await post(3, 6);
  const waiting = (await commands()).slice(2);
  assert.equal(waiting.length, 3);
  for (const { consumer, last } of lanesOf(waiting))
    await requestApi(connection, `$JS.API.CONSUMER.RESET.COMMANDS.${consumer}`, { seq: last + 1 }, 30_000);
  const skipped = (await audit()).unaccounted.filter(({ what }) => what === 'skipped');
  assert.equal(skipped[0]?.count, 3);
  for (const { consumer } of lanesOf(waiting))
    assert.ok(skipped[0]?.examples.some((where) => where.startsWith('COMMANDS ') && where.endsWith(`by consumer ${consumer}`)));

  // Its owner goes by the record, and puts it back.
  const second = await keepAlive(system.programs.notifier, quiet);
  t.after(() => second.stop());
  await until('nothing was lost by it', async () => (await audit()).events.done === 5);
  assert.deepEqual((await audit()).unaccounted, lost);
});

/** The lanes of messages to actor `slack`, each with its last one. */
function lanesOf(messages: readonly { readonly seq: number; readonly subject: string }[]): { consumer: string; last: number }[] {
  const lanes = new Map<string, number>();
  for (const { seq, subject } of messages) {
    const { priority, slot } = COMMAND_LOG.laneOf(subject)!;
    lanes.set(`slack-${priority}-${slot % SLACK_LANES.partitions}`, seq);
  }
  return [...lanes].map(([consumer, last]) => ({ consumer, last }));
}

/** Messages in the log and those that are settled, of an actor's lanes together. */
function sumOf(lanes: Audit['lanes']): Record<string, [number, number]> {
  const sums: Record<string, [number, number]> = {};
  for (const { stream, actor, messages, settled } of lanes) {
    const [all, done] = sums[`${stream} ${actor}`] ?? [0, 0];
    sums[`${stream} ${actor}`] = [all + messages, done + settled];
  }
  return sums;
}
