import { effectId } from '../../core/identity.ts';
import type { ActorContext, ActorDefinition, EffectRun } from '../define-actor.ts';
import type { Message } from '../message.ts';
import type { Verdict } from '../verdict.ts';

/** A place at which a process may die while it handles a message. */
export type Gap = 'received' | 'effect-ran' | 'decided';

export interface Watched {
  /** The actor, with everything it does written down. */
  readonly definition: ActorDefinition;
  /** Message ids in the order in which handlers began, with their mailbox. */
  readonly begun: readonly { readonly id: string; readonly key: string }[];
  /** The last verdict on a message; a throw is none. */
  verdictOf(id: string): Verdict<unknown> | undefined;
  /** Each run of each effect that did not fail: its id, its key for the outside, and whether it was told to be a repetition. */
  readonly runs: readonly { readonly id: string; readonly idempotencyKey: string; readonly repeated: boolean }[];
  /** Each output that was asked for: the ids of message and output, and in which attempt. */
  readonly outputs: readonly { readonly messageId: string; readonly id: string; readonly attempt: number }[];
  /** Handlers of one mailbox that ran beside each other. */
  readonly overlaps: readonly string[];
}

/** `onGap` is called at each place; what it does is done before the handler goes on. A promise that never ends holds it there. */
export function watchActor(actor: ActorDefinition, onGap: (gap: Gap, message: Message) => void | Promise<void> = () => undefined): Watched {
  const begun: { id: string; key: string }[] = [];
  const verdicts = new Map<string, Verdict<unknown>>();
  const runs: { id: string; idempotencyKey: string; repeated: boolean }[] = [];
  const outputs: { messageId: string; id: string; attempt: number }[] = [];
  const overlaps: string[] = [];
  const open = new Set<string>();
  const definition: ActorDefinition = {
    ...actor,
    async receive(input, context) {
      const { message } = context;
      const key = JSON.stringify(actor.key?.(input, message) ?? message.key);
      begun.push({ id: message.id, key });
      if (open.has(key) && actor.order !== 'none') overlaps.push(key);
      open.add(key);
      try {
        await onGap('received', message);
        const verdict = await actor.receive(input, watchedContext(context));
        await onGap('decided', message);
        verdicts.set(message.id, verdict);
        return verdict;
      } finally {
        open.delete(key);
      }
    },
  };
  return { definition, begun, verdictOf: (id) => verdicts.get(id), runs, outputs, overlaps };

  function watchedContext(context: ActorContext): ActorContext {
    const { actor: name, message, attempt, state, signal, log } = context;
    const effect: ActorContext['effect'] = (effectName, run, options) => {
      const watchedRun = async (how: EffectRun) => {
        const result = await run(how);
        runs.push({ id: effectId(message.id, effectName), idempotencyKey: how.idempotencyKey, repeated: how.repeated });
        await onGap('effect-ran', message);
        return result;
      };
      return context.effect(effectName, watchedRun, options);
    };
    return {
      actor: name,
      message,
      attempt,
      state,
      signal,
      log,
      effect,
      emit(output) {
        outputs.push({ messageId: message.id, id: output.id, attempt });
        context.emit(output);
      },
      record: (row) => context.record(row),
    };
  }
}
