import { type ActorContext, type ActorDefinition, EffectFailed, InvalidInput } from '../define-actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { Emit } from '../message.ts';
import type { StandardSchema } from '../standard-schema.ts';
import { done, park, reject, retry, type Verdict } from '../verdict.ts';
import type { MessagePlan, WorldPlan } from './world-plan.ts';
import type { DoneRow, WatchedLife, WorldWatch } from './world-watch.ts';

export interface PlannedActorOptions {
  readonly name: string;
  readonly plan: WorldPlan;
  readonly watch: WorldWatch;
  readonly life: WatchedLife;
  /** Of its process. */
  readonly clock: Clock;
  readonly outputOf: (messageId: string, output: MessagePlan, dueAt: number | undefined) => Emit;
  /** Ends its process. */
  readonly crash: () => void;
  readonly note: (tell: () => string) => void;
}

const TIMEOUT_MS = 150;
/** A handler that does not listen is left behind half a second after its time (see attempt.ts). */
export const LEFT_BEHIND_AFTER_MS = TIMEOUT_MS + 500;
const HANGS_MS = 900;
const RETRY_MS = 40;
const PARK_MS = 60;
const EFFECT = 'tell';

/** What the store refuses for its content. */
export const UNSTORABLE: DoneRow = { done: 'unstorable' };

/** What a key keeps: the messages that were done, in their order. */
type Handled = readonly string[];

const ANYTHING: StandardSchema<Handled> = {
  '~standard': { version: 1, vendor: 'simulation', validate: (value) => ({ value: value as Handled }) },
};

/** An actor that does with each message what its plan says, and tells the watch. */
export function plannedActor(options: PlannedActorOptions): ActorDefinition<MessagePlan, Handled> {
  const { name, plan, watch, life, clock, outputOf, crash, note } = options;
  const sleep = (ms: number): Promise<void> => (ms === 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(ms, resolve)));

  async function play(message: MessagePlan, context: ActorContext<Handled>, start: number): Promise<Verdict<Handled>> {
    await sleep(message.durationMs);
    const failure = start <= message.failures ? message.failure : undefined;
    if (failure === 'crash') {
      crash();
      await new Promise(() => undefined);
    }
    if (message.effect !== undefined) await perform(message, context, failure);
    switch (failure) {
      case 'retry':
        return retry({ because: 'planned' });
      case 'throw':
        throw new Error('planned');
      case 'park':
        return park(clock.now() + PARK_MS, 'planned');
      case 'hang':
        await sleep(HANGS_MS);
        break;
      case 'crash':
      case 'lost':
      case 'undone':
      case undefined:
    }
    if (message.ending === 'reject') return reject('refused', 'planned');
    if (message.output !== undefined) {
      const { plan: output, afterMs } = message.output;
      context.emit(outputOf(context.message.id, output, afterMs === undefined ? undefined : clock.now() + afterMs));
    }
    context.record(message.ending === 'unstorable' ? UNSTORABLE : ({ done: context.message.id } satisfies DoneRow));
    return done({ state: [...context.state, context.message.id] });
  }

  async function perform(message: MessagePlan, context: ActorContext<Handled>, failure: MessagePlan['failure'] | undefined): Promise<void> {
    const onUnknown = message.effect ?? 'hold';
    await context.effect(
      EFFECT,
      async ({ repeated }) => {
        if (life.isDead) return;
        note(() => `effect of ${context.message.id}${repeated ? ', once more' : ''}`);
        const undo = watch.perform(life, context.message.id, EFFECT, onUnknown, repeated);
        await sleep(Math.ceil(message.durationMs / 2));
        if (failure === 'lost') throw new Error('nobody knows');
        if (failure === 'undone') {
          undo();
          throw new EffectFailed('it did not happen');
        }
      },
      { onUnknown },
    );
  }

  return {
    name,
    partitions: plan.partitions,
    start: 'beginning',
    slots: plan.slots,
    retry: { attempts: plan.attempts, delayMs: (_attempt, random) => random * RETRY_MS },
    timeoutMs: TIMEOUT_MS,
    state: { version: 1, schema: ANYTHING, initial: [] },
    input: ({ id }) => {
      const { plan: own } = watch.fates.get(id)!;
      if (own.ending === 'unreadable') throw new InvalidInput('planned', { path: '' });
      return own;
    },
    receive: async (message, context) => {
      if (life.isDead) return await new Promise<never>(() => undefined);
      const start = (watch.fates.get(context.message.id)?.starts ?? 0) + 1;
      note(
        () =>
          `${context.message.id} is started, attempt ${context.attempt}${context.message.replay === undefined ? '' : `, of replay ${context.message.replay.id}`}`,
      );
      const end = watch.begin(life, context, context.state, LEFT_BEHIND_AFTER_MS);
      try {
        const verdict = await play(message, context, start);
        note(() => `${context.message.id} ends: ${verdict.kind}`);
        return verdict;
      } finally {
        end();
      }
    },
  };
}
