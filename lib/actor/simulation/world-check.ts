import { HEADERS } from '../../core/headers.ts';
import type { SimulatedBroker } from './simulated-broker.ts';
import type { SimulatedRecord } from './simulated-record.ts';
import type { WorldPlan } from './world-plan.ts';
import { type Fate, hasEnded, type WorldWatch } from './world-watch.ts';

export interface WorldAtRest {
  readonly plan: WorldPlan;
  readonly watch: WorldWatch;
  readonly record: SimulatedRecord;
  readonly broker: SimulatedBroker;
  /** Outputs that wait for their time. */
  readonly timers: number;
}

/** What a message of an actor sends on. */
export function outputIdOf(messageId: string, actor: string): string {
  return `${messageId}/${actor}/out`;
}

/**
 * What must be true of a world in which nothing happens any more:
 *
 * 1. Every message has ended, and nothing waits: no row, no output, no timer, no suspect.
 * 2. A dead letter has its reason, its copy in the log once, with its body, and its advisory once.
 * 3. What a message that is done has sent is in the log once, in the order of its key; of others nothing is.
 * 4. The state of a key is what its done messages have left.
 */
export function checkWorld(world: WorldAtRest): string[] {
  const { watch, record, timers } = world;
  const fates = [...watch.fates.values()];
  const open = fates
    .filter((fate) => !hasEnded(fate))
    .map(({ id, row }) => `${id} has not ended${row === undefined ? '' : `, and waits: ${row.because}`}`);
  const left = { rows: record.parked().length, outputs: record.outbox().length, timers, suspects: record.suspects().length };
  const waiting = Object.entries(left)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what} are left`);
  return [
    ...open,
    ...waiting,
    ...fates.flatMap((fate) => checkDeath(fate, world)),
    ...fates.flatMap((fate) => checkOutput(fate, world)),
    ...checkOrder(fates, world),
    ...checkStates(fates, world),
  ];
}

function checkDeath(
  { id, actor, plan, seq, unit, starts, deaths, takes, dead }: Fate,
  { plan: { attempts }, record, broker, watch }: WorldAtRest,
): string[] {
  const letterId = `${actor}:${id}:0`;
  const copies = broker.messages('DEAD_LETTERS').filter((copy) => copy.id === letterId);
  const advisories = broker.messages('ADVISORIES').filter((advisory) => advisory.id === `${letterId}/advisory`);
  const wanted = dead > 0 ? 1 : 0;
  const wrong: string[] = [];
  if (copies.length !== wanted || advisories.length !== wanted)
    wrong.push(`${id} has ${copies.length} copies and ${advisories.length} advisories, and died ${dead} times`);
  const letter = record.deadLetters.get(letterId);
  if (letter === undefined) return wrong;
  const body = Buffer.from(copies[0]?.body ?? []).toString();
  if (body !== id) wrong.push(`the copy of ${id} has the body ${JSON.stringify(body)}`);
  if (copies[0]?.headers[HEADERS.deadSeq] !== String(seq))
    wrong.push(`the copy of ${id} says that it was ${copies[0]?.headers[HEADERS.deadSeq]}`);
  if (letter.copySeq !== copies[0]?.seq) wrong.push(`the dead letter of ${id} does not know its copy`);
  // A start may count that was never there (see Suspects): once that of a message delivered to a process that had died, and at each death
  // one that was recorded and not begun.
  const phantoms = watch.unclean.has(unit) ? takes + 1 : 0;
  const said = `${id} became a dead letter (${letter.reason}: ${letter.because}) after ${starts} starts, in ${deaths} of which its process was killed`;
  switch (letter.reason) {
    case 'refused':
      if (plan.ending !== 'reject') wrong.push(said);
      break;
    case 'invalid':
      if (plan.ending !== 'unreadable' && plan.ending !== 'unstorable') wrong.push(said);
      break;
    case 'exhausted':
      if (starts + phantoms < attempts || letter.history.length === 0) wrong.push(said);
      break;
    case 'crashed':
      if (starts + phantoms < attempts || deaths === 0) wrong.push(said);
      break;
    case 'gone':
    case 'expired':
    case 'no-handler':
      wrong.push(said);
  }
  return wrong;
}

function checkOutput({ id, actor, plan, done }: Fate, { watch }: WorldAtRest): string[] {
  if (plan.output === undefined) return [];
  const isThere = watch.fates.has(outputIdOf(id, actor));
  if (isThere === done > 0) return [];
  return [isThere ? `the output of ${id} is in the log, and ${id} is not done` : `${id} is done, and its output is not in the log`];
}

/** Timers aside. */
function checkOrder(fates: readonly Fate[], { watch }: WorldAtRest): string[] {
  const last = new Map<string, { input: Fate; output: Fate }>();
  const wrong: string[] = [];
  for (const input of fates) {
    const { plan, actor, id, unit } = input;
    if (plan.output === undefined || plan.output.afterMs !== undefined) continue;
    const output = watch.fates.get(outputIdOf(id, actor));
    if (output === undefined) continue;
    const line = `${unit}:${plan.priority}:${plan.key}:${output.plan.key}`;
    const before = last.get(line);
    if (before !== undefined && before.output.seq > output.seq)
      wrong.push(`the output of ${before.input.id} (${before.output.seq}) is behind that of ${id} (${output.seq}), which came later`);
    last.set(line, { input, output });
  }
  return wrong;
}

function checkStates(fates: readonly Fate[], { watch, record }: WorldAtRest): string[] {
  return fates.flatMap(({ id, actor, plan: { key } }) => {
    const state = record.states.get({ actor, eventKey: key, key })?.json ?? '[]';
    const known = JSON.stringify(watch.doneOf(actor, key));
    return state === known ? [] : [`the state behind ${id} is ${state}, and done are ${known}`];
  });
}
