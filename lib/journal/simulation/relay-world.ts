import type { Emit } from '../../actor/message.ts';
import { ManualClock } from '../../core/manual-clock.ts';
import { seededRandom } from '../../core/seeded-random.ts';
import { MemoryJournal } from './memory-journal.ts';
import { type RelayLife, startRelayLife } from './relay-life.ts';
import { SimulatedLog } from './simulated-log.ts';

/** A journal, a log that fails in every way, and a relay between them that may be killed, in virtual time. */
export interface RelayWorld {
  readonly clock: ManualClock;
  readonly journal: MemoryJournal;
  readonly log: SimulatedLog;
  life: RelayLife;
  readonly accepted: Emit[];
  accept(key: string, id?: string): Promise<number>;
}

/** What somebody or something does, for so many milliseconds of virtual time. */
export type RelayStep =
  | { readonly kind: 'accept'; readonly keys: readonly string[] }
  | { readonly kind: 'pause' | 'close' | 'freeze' | 'kill' | 'full'; readonly ms: number }
  | { readonly kind: 'loss'; readonly share: number };

export interface RelayReport {
  /** What is wrong, as sentences. */
  readonly violations: readonly string[];
  /** What was done, one line each with its time. */
  readonly trace: readonly string[];
}

export const MINUTES = 60_000;
/** Within the broker's two minutes. */
const MOST_FROZEN_MS = 100_000;
/** More than reading back takes for what is let wait here. */
export const READ_BACK_TURNS = 50;

/** @param random uniform in [0, 1) */
export function openRelayWorld(random: () => number = () => 0.5, maxPerSecond = 5_000): RelayWorld {
  const clock = new ManualClock();
  const journal = new MemoryJournal(() => clock.now());
  const log = new SimulatedLog(clock, random);
  const accepted: Emit[] = [];
  return {
    clock,
    journal,
    log,
    accepted,
    life: startRelayLife(journal, log, clock, maxPerSecond),
    async accept(key, id = `event-${accepted.length + 1}`) {
      const emit = { id, key, subject: 'events.default.0.test.happened', headers: {}, body: Buffer.from(id) };
      accepted.push(emit);
      const [appended] = await journal.append([{ emit, isRemembered: true }]);
      return appended!.number;
    },
  };
}

export function restartRelay(world: RelayWorld): void {
  world.life.kill();
  world.life = startRelayLife(world.journal, world.log, world.clock);
}

/** Does the steps one after the other, and then lets the relay have its peace until nothing is left or ten minutes are over. */
export async function playRelay(
  world: RelayWorld,
  steps: readonly RelayStep[],
  note: (text: string) => void = () => undefined,
): Promise<void> {
  const { clock, log, journal } = world;
  for (const step of steps) {
    note(`${String(clock.now()).padStart(8)} ms  ${JSON.stringify(step)}; ${log.stored.length} of ${world.accepted.length} are in the log`);
    await takeStep(world, step);
  }
  log.loss = 0;
  for (let minute = 0; minute < 10 && journal.status().depth > 0; minute += 1) {
    await clock.turns(READ_BACK_TURNS);
    await clock.advance(MINUTES);
  }
}

async function takeStep(world: RelayWorld, step: RelayStep): Promise<void> {
  const { clock, log, journal } = world;
  switch (step.kind) {
    case 'accept':
      for (const key of step.keys) await world.accept(key);
      return;
    case 'pause':
      return await clock.advance(step.ms);
    case 'close':
      log.setOpen(false);
      await clock.advance(step.ms);
      return log.setOpen(true);
    case 'freeze':
      log.setFrozen(true);
      await clock.advance(step.ms);
      return log.setFrozen(false);
    case 'kill':
      world.life.kill();
      await clock.advance(step.ms);
      return restartRelay(world);
    case 'full':
      journal.isFull = true;
      await clock.advance(step.ms);
      journal.isFull = false;
      return;
    case 'loss':
      log.loss = step.share;
  }
}

/** Each accepted event is in the log once, the keys' events in the order of acceptance, and nothing is left in the journal. */
export function relayViolations({ accepted, log, journal }: RelayWorld): string[] {
  const wrong = [...log.violations];
  const count = Map.groupBy(log.stored, ({ id }) => id);
  for (const { id } of accepted) if (count.get(id)?.length !== 1) wrong.push(`${id} is in the log ${count.get(id)?.length ?? 0} times`);
  if (log.stored.length > accepted.length) wrong.push(`the log has ${log.stored.length} events, and ${accepted.length} were accepted`);
  for (const key of new Set(accepted.map((emit) => emit.key))) {
    const stored = log.stored.filter((event) => event.key === key).map(({ id }) => id);
    const wanted = accepted.filter((emit) => emit.key === key).map(({ id }) => id);
    if (stored.join() !== wanted.join()) wrong.push(`key ${key} is in the log as ${stored.join(' ')}, and came as ${wanted.join(' ')}`);
  }
  const { depth } = journal.status();
  if (depth > 0) wrong.push(`${depth} are left in the journal`);
  return wrong;
}

/** A world that chance plays with; the same seed makes the same one. */
export async function runRelayWorld(seed: number): Promise<RelayReport> {
  const random = seededRandom(seed);
  const steps = Array.from({ length: between(random, 2, 12) }, () => drawStep(random));
  const world = openRelayWorld(random);
  const trace: string[] = [];
  await playRelay(world, steps, (text) => trace.push(text));
  world.life.kill();
  return { violations: relayViolations(world), trace };
}

function drawStep(random: () => number): RelayStep {
  const kinds = ['accept', 'accept', 'accept', 'accept', 'pause', 'pause', 'close', 'freeze', 'kill', 'full', 'loss'] as const;
  const kind = kinds[between(random, 0, kinds.length - 1)]!;
  if (kind === 'accept') return { kind, keys: Array.from({ length: between(random, 1, 12) }, () => 'abcd'[between(random, 0, 3)]!) };
  if (kind === 'loss') return { kind, share: [0, 0.1, 0.5][between(random, 0, 2)]! };
  // Within a try, within the broker's memory of ids, and beyond it.
  const [first, last] = (
    [
      [1, 50],
      [50, 5_000],
      [MINUTES, 3 * MINUTES],
    ] as const
  )[between(random, 0, 2)]!;
  const ms = between(random, first, last);
  // A broker that stands still for longer than it remembers ids may store twice what a lost connection has sent, see docs/limits.md.
  return { kind, ms: kind === 'freeze' ? Math.min(ms, MOST_FROZEN_MS) : ms };
}

function between(random: () => number, first: number, last: number): number {
  return first + Math.floor(random() * (last - first + 1));
}
