import type { Fate, SentEvent } from './sent-event.ts';

/** An event as the log has it. */
export interface LoggedEvent {
  readonly seq: number;
  /** The identity that the log and the record know it by. */
  readonly id: string;
  readonly delivery: string;
  readonly key: string;
  /** Of the ingest that has accepted it. Between two of them a key has no order: each relays when it can. */
  readonly journal: string;
}

/** What the ledger says of an event's effects, all together. */
export interface LedgerEntry {
  /** (Default: 1) */
  readonly effects?: number;
  /** How often it was done again because nobody knew whether it had happened. */
  readonly repeats: number;
}

/** Everything that a run has left, read when nothing moves any more. */
export interface Evidence {
  readonly sent: readonly SentEvent[];
  /** In the order of the log. */
  readonly log: readonly LoggedEvent[];
  /** By the log's identity. */
  readonly fates: ReadonlyMap<string, Fate>;
  /** By the log's identity; an event without an effect has none. */
  readonly ledger: ReadonlyMap<string, LedgerEntry>;
  /** The delivery of each message at the peer, in the order of arrival; undefined where it was not asked. The peer never drops a second one. */
  readonly arrivals: readonly string[] | undefined;
  /** What `visapi audit` cannot account for, one line each. */
  readonly unaccounted: readonly string[];
}

/** What can be wrong. */
export const FINDING_KINDS = [
  /** Acknowledged and not in the log: before, between or behind what its key has there. */
  'lost-prefix',
  'lost-middle',
  'lost-postfix',
  /** In the log more than once. */
  'duplicate',
  /** In the log or at the peer, and never sent, refused, or not in the log. */
  'phantom',
  /** In the log before what the same ingest had acknowledged before it was sent, or at the peer in another order than in the log. */
  'order',
  /** At the peer more often than the ledger has it. */
  'repeated-effect',
  /** Done, and not at the peer. */
  'missing-effect',
  /** Has not come to one of the ends that it may have. */
  'wrong-end',
  /** Found by `visapi audit`. */
  'unaccounted',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

/** The findings of each kind, each told in one line. */
export type Findings = Readonly<Record<FindingKind, readonly string[]>>;

/** Compares what was sent with what there is. Pure. */
export function checkEvidence(evidence: Evidence): Findings {
  const found = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, [] as string[]])) as Record<FindingKind, string[]>;
  const sent = new Map(evidence.sent.map((event) => [event.delivery, event]));
  const logged = new Map<string, LoggedEvent>();
  for (const event of evidence.log) {
    if (logged.has(event.delivery)) found.duplicate.push(`${event.delivery} is at ${logged.get(event.delivery)?.seq} and at ${event.seq}`);
    else logged.set(event.delivery, event);
    const from = sent.get(event.delivery);
    if (from === undefined) found.phantom.push(`${event.delivery} is in the log and was never sent`);
    else if (from.end === 'fail') found.phantom.push(`${event.delivery} was refused and is in the log`);
  }
  findLost(evidence.sent, logged, found);
  findDisorder(evidence, sent, logged, found);
  if (evidence.arrivals !== undefined) findEffects({ ...evidence, arrivals: evidence.arrivals }, sent, logged, found);
  for (const event of evidence.sent) {
    const id = logged.get(event.delivery)?.id;
    const fate = id === undefined ? undefined : (evidence.fates.get(id) ?? 'open');
    if (fate !== undefined && event.end !== 'fail' && !event.mayEnd.includes(fate))
      found['wrong-end'].push(`${event.delivery} is ${fate}, expected ${event.mayEnd.join(' or ')}`);
  }
  found.unaccounted.push(...evidence.unaccounted);
  return found;
}

function findLost(sent: readonly SentEvent[], logged: ReadonlyMap<string, LoggedEvent>, found: Record<FindingKind, string[]>): void {
  const ofKey = Map.groupBy(
    sent.filter(({ end }) => end === 'ok'),
    ({ key }) => key,
  );
  for (const [key, events] of ofKey) {
    const there = events.filter(({ delivery }) => logged.has(delivery)).map(({ number }) => number);
    const [first, last] = [Math.min(...there), Math.max(...there)];
    for (const { number, delivery } of events) {
      if (logged.has(delivery)) continue;
      const place = there.length > 0 && number < first ? 'prefix' : number > last ? 'postfix' : 'middle';
      found[`lost-${place}`].push(`${delivery} (number ${number} of ${key}) was acknowledged and is not in the log`);
    }
  }
}

function findDisorder(
  { log, arrivals, ledger, fates }: Evidence,
  sent: ReadonlyMap<string, SentEvent>,
  logged: ReadonlyMap<string, LoggedEvent>,
  found: Record<FindingKind, string[]>,
): void {
  // Per key and journal the event of the log's part so far that was sent last: what had been acknowledged before that must not follow.
  const latest = new Map<string, SentEvent>();
  for (const { delivery, key, journal, seq } of log) {
    const event = sent.get(delivery);
    if (event === undefined || logged.get(delivery)?.seq !== seq) continue;
    const place = `${journal} ${key}`;
    const before = latest.get(place);
    if (before !== undefined && event.okAt !== undefined && event.okAt < before.invokedAt)
      found.order.push(`${delivery} had been acknowledged before ${before.delivery} was sent, and is behind it in the log`);
    if (before === undefined || event.invokedAt > before.invokedAt) latest.set(place, event);
  }
  const reached = new Map<string, LoggedEvent>();
  for (const delivery of arrivals ?? []) {
    const event = logged.get(delivery);
    if (event === undefined) continue;
    // Of several workflows each tells in its own order.
    if ((ledger.get(event.id)?.effects ?? 1) > 1) continue;
    // Of an effect of which nobody knew whether it had happened the first try may come at any time: its sender may wake up from a pause with it.
    if ((ledger.get(event.id)?.repeats ?? 0) > 0 || fates.get(event.id) === 'held') continue;
    const before = reached.get(event.key);
    if (before !== undefined && before.seq > event.seq)
      found.order.push(`${delivery} came to the peer behind ${before.delivery}, which is behind it in the log`);
    else reached.set(event.key, event);
  }
}

function findEffects(
  { arrivals, fates, ledger }: Evidence & { readonly arrivals: readonly string[] },
  sent: ReadonlyMap<string, SentEvent>,
  logged: ReadonlyMap<string, LoggedEvent>,
  found: Record<FindingKind, string[]>,
): void {
  const counts = new Map<string, number>();
  for (const delivery of arrivals) counts.set(delivery, (counts.get(delivery) ?? 0) + 1);
  for (const [delivery, count] of counts) {
    const event = logged.get(delivery);
    if (event === undefined) {
      found.phantom.push(`${delivery} is at the peer and not in the log`);
      continue;
    }
    const { repeats = 0, effects = 1 } = ledger.get(event.id) ?? {};
    if (count > effects + repeats)
      found['repeated-effect'].push(
        `${delivery} came to the peer ${count} times, the ledger has ${effects} effects with ${repeats} repetitions`,
      );
  }
  for (const { delivery, id } of logged.values())
    if (fates.get(id) === 'done' && !counts.has(delivery) && sent.has(delivery))
      found['missing-effect'].push(`${delivery} is done and did not come to the peer`);
}

/**
 * With 95 % confidence the share of losses is below this where none was seen in so many: the rule of three,
 * https://en.wikipedia.org/wiki/Rule_of_three_(statistics).
 */
export function upperBound(acknowledged: number): number {
  return 3 / acknowledged;
}
