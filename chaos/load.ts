import { setTimeout as wait } from 'node:timers/promises';
import { createDoorSender } from '../lib/dev/door-sender.ts';
import { openHistory } from './history.ts';
import { endOfTry, type SentEvent, type TryEnd } from './sent-event.ts';
import { deliveryOf, type Kind, type Workload } from './workload.ts';

/** How one request ended, for the plot and the steady state. Times are milliseconds since the load began. */
export interface Try {
  readonly sentAt: number;
  readonly endedAt: number;
  readonly end: TryEnd;
  /** Since its event was due: what it waited for is counted in. */
  readonly latencyMs: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly workload: Workload;
  readonly perSecond: number;
  readonly random: () => number;
  readonly historyFile: string;
}

/** Senders of signed webhooks at a fixed rate, whatever the door does. Each repeats what was not acknowledged, as providers do. */
export interface Load {
  /** `performance.now()` of its begin. */
  readonly startedAt: number;
  /** Requests that have ended, by their end's time; forgeries are not among them. */
  readonly tries: readonly Try[];
  /** Forgeries that were not refused as such. */
  readonly takenForgeries: readonly string[];
  /** Events that were acknowledged so far. */
  acknowledged(): number;
  /** Events that were acknowledged on a repetition, after a try of which nobody knows. */
  repeatedInDoubt(): number;
  /** Sends one event of another kind; resolves when it is acknowledged or given up. */
  send(kind: Kind, key: string): Promise<void>;
  /** No new events; resolves with all of them when each was acknowledged or given up. May be called twice. */
  stop(): Promise<readonly SentEvent[]>;
}

/** Tries of one event, and the pause between two: an outage of half a minute costs none. */
const MOST_TRIES = 40;
const PAUSE_MS = [500, 1_500] as const;
const TICK_MS = 5;
/** A door that answers at all answers within this, also while it is started anew; providers wait 3 to 10 s. */
const ANSWER_MS = 10_000;

interface Draft {
  /** Of its numbers: the repository, and of a poison what it does. */
  readonly key: string;
  readonly repository: string;
  readonly number: number;
  readonly delivery: string;
  readonly kind: Kind;
  readonly invokedAt: number;
  okAt: number | undefined;
  ends: TryEnd[];
}

export function startLoad({ url, workload, perSecond, random, historyFile }: LoadOptions): Load {
  const sender = createDoorSender(url, ANSWER_MS, Infinity, workload.source);
  const history = openHistory(historyFile);
  const startedAt = performance.now();
  const now = (): number => performance.now() - startedAt;
  const numbers = new Map<string, number>();
  const drafts: Draft[] = [];
  const tries: Try[] = [];
  const takenForgeries: string[] = [];
  const open = new Set<Promise<void>>();
  let acknowledged = 0;
  let isOver = false;
  let due = 0;

  async function tryOnce(draft: Draft, attempt: number): Promise<TryEnd> {
    const { key, number, delivery, kind } = draft;
    const sentAt = now();
    history.add({ what: 'invoke', key, number, delivery, attempt, at: sentAt });
    const { status } = await sender.send(workload.requestOf(kind, draft.repository, delivery));
    const end = endOfTry(status);
    const endedAt = now();
    history.add({ what: end, key, number, delivery, attempt, at: endedAt, status });
    draft.ends.push(end);
    if (end === 'ok' && draft.okAt === undefined) draft.okAt = endedAt;
    if (kind !== 'forgery') tries.push({ sentAt, endedAt, end, latencyMs: endedAt - draft.invokedAt });
    else if (status === 202) takenForgeries.push(delivery);
    return end;
  }

  async function sendEvent(kind: Kind, key: string): Promise<void> {
    const name = kind === 'release' ? key : `${key}:${kind}`;
    const number = numbers.get(name) ?? 0;
    numbers.set(name, number + 1);
    const delivery = deliveryOf(name, number);
    const draft: Draft = { key: name, number, delivery, kind, invokedAt: now(), okAt: undefined, ends: [], repository: key };
    drafts.push(draft);
    for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
      const end = await tryOnce(draft, attempt);
      if (end === 'ok') {
        acknowledged += 1;
        return;
      }
      // A forgery is refused for good, as its sender knows.
      if (kind === 'forgery' && end === 'fail') return;
      const [shortest, longest] = PAUSE_MS;
      await wait(shortest + random() * (longest - shortest));
    }
  }

  const begin = (kind: Kind, key: string): Promise<void> => {
    const sending = sendEvent(kind, key).finally(() => open.delete(sending));
    open.add(sending);
    return sending;
  };

  const timer = setInterval(() => {
    for (; due * (1_000 / perSecond) <= now(); due += 1) {
      const key = workload.keys[Math.floor(random() * workload.keys.length)]!;
      void begin('release', key);
      if (random() < workload.forgeryShare) void begin('forgery', key);
    }
  }, TICK_MS);

  return {
    startedAt,
    tries,
    takenForgeries,
    acknowledged: () => acknowledged,
    repeatedInDoubt: () => drafts.filter(({ ends }) => ends.includes('ok') && ends.includes('unknown')).length,
    send: begin,
    async stop() {
      clearInterval(timer);
      while (open.size > 0) await Promise.all(open);
      sender.stop();
      if (!isOver) await history.close();
      isOver = true;
      return drafts.map(({ key, number, delivery, kind, invokedAt, okAt, ends }) => ({
        key,
        number,
        delivery,
        invokedAt,
        okAt,
        end: endOfEvent(kind, ends),
        mayEnd: workload.fatesOf(kind),
      }));
    },
  };
}

/** A forgery has to be refused, whatever its sender was told. */
function endOfEvent(kind: Kind, ends: readonly TryEnd[]): TryEnd {
  if (kind === 'forgery' || ends.every((end) => end === 'fail')) return 'fail';
  return ends.includes('ok') ? 'ok' : 'unknown';
}
