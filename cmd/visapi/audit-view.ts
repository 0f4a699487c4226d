import { type EventFate, rangeText, type UnaccountedKind } from '../../lib/host/event-audit.ts';
import type { Audit } from './conservation-audit.ts';
import { table } from './output.ts';

const FATES: Readonly<Record<EventFate, string>> = {
  done: 'all their runs have ended well',
  cancelled: 'a person has ended their runs',
  'dead-lettered': 'given up, or a run of theirs stands failed: visapi dead list, visapi runs list',
  unrouted: 'no workflow wanted them',
  duplicate: 'in the log a second time',
  waiting: 'in a lane, parked, or a run of theirs is open',
  lost: 'NOT ACCOUNTED FOR',
  unrecorded: 'NOT ACCOUNTED FOR',
};

const KINDS: Readonly<Record<UnaccountedKind, string>> = {
  deleted: 'not in the log any more, though older events are',
  unrecorded: 'settled, and nothing is recorded of it',
  lost: 'routed, and its runs are not there',
  stranded: 'under way, and nothing is there that brings it on',
  skipped: 'passed by a consumer, and settled by nobody',
  missing: 'accepted by a journal, and neither in it nor in the log',
  repeated: 'of a journal, and in the log twice',
};

/** An audit for people: the sum, the journals, and what does not fit. */
export function auditText({ log, commands, lanes, journals, events, unaccounted }: Audit): string {
  const fates = (Object.entries(events) as [EventFate, number][]).filter(([, count]) => count > 0);
  const sum = table(
    ['events', 'what became of them', ''],
    fates.map(([fate, count]) => [count, fate, FATES[fate]]),
  );
  const doors = table(
    ['journal', 'in the log', 'waiting in it', 'missing'],
    journals.map(({ id, inLog, waiting, missing }) => [
      id,
      inLog,
      waiting ?? 'not known here',
      missing.map(rangeText).join(', ') || 'none',
    ]),
  );
  const parts = [
    `${log.messages} events in the log (sequences ${log.firstSeq} to ${log.lastSeq})`,
    ...(fates.length === 0 ? [] : [sum]),
    `${commands.messages} commands and results (sequences ${commands.firstSeq} to ${commands.lastSeq})`,
    ...(lanes.length === 0 ? [] : [laneTable(lanes)]),
    ...(journals.length === 0 ? [] : [doors]),
    ...unaccounted.map(({ what, count, examples }) => `NOT ACCOUNTED FOR: ${count} ${KINDS[what]}: ${examples.join(', ')}`),
    ...(unaccounted.length === 0 ? ['Every accepted event is accounted for.'] : []),
  ];
  return parts.join('\n');
}

/** The lanes of an actor together; --json has each. */
function laneTable(lanes: Audit['lanes']): string {
  const groups = Map.groupBy(lanes, ({ stream, actor }) => `${stream} ${actor}`);
  const rows = [...groups.values()].map((group) => {
    const [{ stream, actor } = { stream: '', actor: '' }] = group;
    const messages = group.reduce((sum, lane) => sum + lane.messages, 0);
    const settled = group.reduce((sum, lane) => sum + lane.settled, 0);
    return [stream, actor, group.length, messages, settled, messages - settled];
  });
  return table(['log', 'actor', 'lanes', 'messages', 'settled', 'open'], rows);
}
